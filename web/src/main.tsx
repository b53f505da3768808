/** Where the client starts: language and size first, then the desk of whoever worked here last. */
import { render } from "preact";
import { App } from "./app";
import { lastDesk } from "./desk";
import { settings } from "./store/settings";
import { nowIs } from "./store/status";
import { learnCodes } from "./sync";
import { speak } from "./words";
import "./style.css";

async function start(): Promise<void> {
  const { language, size } = settings();
  document.documentElement.dataset["size"] = size;
  await speak(language);
  const desk = await lastDesk().catch(() => null);
  if (desk) await learnCodes();
  render(<App known={desk !== null} />, document.getElementById("app") as HTMLElement);
  await install();
}

/** Keeps the client on the phone. In browsers without service workers it works online only. */
async function install(): Promise<void> {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  const registration = await navigator.serviceWorker.register("/station/worker.js", {
    scope: "/station/",
  });
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed" && navigator.serviceWorker.controller) {
        nowIs({ renewal: true });
      }
    });
  });
  if (registration.waiting && navigator.serviceWorker.controller) nowIs({ renewal: true });
}

void start();
