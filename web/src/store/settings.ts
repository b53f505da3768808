/** What a person has chosen for this phone. */
import { LANGUAGES, type Language } from "../words";

export interface Settings {
  language: Language;
  size: "normal" | "large";
}

const KEY = "nexus.station.settings";

function preferred(): Language {
  for (const one of navigator.languages ?? []) {
    if (/^zh\b.*(hant|tw|hk|mo)/i.test(one)) return "zh-Hant";
    if (/^zh/i.test(one)) return "zh-CN";
  }
  return "zh-CN";
}

export function settings(): Settings {
  let kept: Partial<Settings> = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
  } catch {
    kept = {};
  }
  const language = LANGUAGES.find((one) => one === kept.language) ?? preferred();
  return { language, size: kept.size === "large" ? "large" : "normal" };
}

export function choose(change: Partial<Settings>): Settings {
  const next = { ...settings(), ...change };
  localStorage.setItem(KEY, JSON.stringify(next));
  return next;
}
