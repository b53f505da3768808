/** What the client knows of itself at this moment: nothing here has to survive a reload. */
import { useEffect, useState } from "preact/hooks";

export interface Status {
  /** The server answered last time. */
  reachable: boolean;
  syncing: boolean;
  /** Somebody has to sign in before anything is sent or fetched. */
  signedOut: boolean;
  /** Another edition of the client is installed and waits. */
  renewal: boolean;
  /** The code of what the server could not do last time; empty when all went well. */
  unwell: string;
  /** The disk refused a write. */
  full: boolean;
}

let status: Status = {
  reachable: navigator.onLine,
  syncing: false,
  signedOut: false,
  renewal: false,
  unwell: "",
  full: false,
};
const listeners = new Set<(status: Status) => void>();

export function nowIs(change: Partial<Status>): void {
  status = { ...status, ...change };
  for (const listener of listeners) listener(status);
}

export function useStatus(): Status {
  const [found, setFound] = useState(status);
  useEffect(() => {
    setFound(status);
    listeners.add(setFound);
    return () => void listeners.delete(setFound);
  }, []);
  return found;
}

/** Takes the edition that waits. Only a person's own press calls this, never a timer. */
export async function renew(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration("/station/");
  const waiting = registration?.waiting;
  if (!waiting) return location.reload();
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
  waiting.postMessage("take over");
}
