/** The words of the three languages, and dates as each writes them. */
import type catalog from "./zh-CN.json";

export type Word = keyof typeof catalog;
export type Language = "zh-CN" | "zh-Hant" | "en";
export const LANGUAGES: readonly Language[] = ["zh-CN", "zh-Hant", "en"];

type Catalog = Record<string, string>;

const loaders: Record<Language, () => Promise<{ default: Catalog }>> = {
  "zh-CN": () => import("./zh-CN.json"),
  "zh-Hant": () => import("./zh-Hant.json"),
  en: () => import("./en.json"),
};

let words: Catalog = {};
let language: Language = "zh-CN";
const labels = new Map<string, Record<Language, string>>();

/** Fetches a language's words and speaks it from now on. */
export async function speak(wanted: Language): Promise<void> {
  words = (await loaders[wanted]()).default;
  language = wanted;
  document.documentElement.lang = wanted;
}

export function spoken(): Language {
  return language;
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The word, with its values filled in. */
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return filled(words[word] ?? word, values);
}

/** The word of a family, such as a state of a type; `fallback` where the family has none. */
export function tOf(family: string, member: string, fallback?: string): string {
  return words[`${family}.${member}`] ?? fallback ?? words["unknown"] ?? "";
}

/** Learns what the codes of the server's lists are called. */
export function learn(
  entries: { listName: string; code: string; labelZhHans: string; labelZhHant: string; labelEn: string }[],
): void {
  for (const entry of entries) {
    labels.set(`${entry.listName} ${entry.code}`, {
      "zh-CN": entry.labelZhHans,
      "zh-Hant": entry.labelZhHant,
      en: entry.labelEn,
    });
  }
}

/** What a code is called; nothing is shown rather than the code itself. */
export function label(list: string, code: string | null | undefined): string {
  return (code && labels.get(`${list} ${code}`)?.[language]) || "";
}

/** The codes of a list that people choose from, in the list's order. */
export function codesOf(list: string): { code: string; text: string }[] {
  const found = [];
  for (const [key, names] of labels) {
    if (key.startsWith(`${list} `)) found.push({ code: key.slice(list.length + 1), text: names[language] });
  }
  return found;
}

const ZONE = "Asia/Shanghai";

function format(value: string | number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(language, { timeZone: ZONE, ...options }).format(new Date(value));
}

/** Month and day, such as 11-20. */
export function day(value: string | number): string {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, month: "2-digit", day: "2-digit" });
  return parts.format(new Date(value)).slice(-5);
}

/** Day and time. */
export function moment(value: string | number): string {
  return format(value, {
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
}

/** Time of day. */
export function clock(value: string | number): string {
  return format(value, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** A date in full, with its weekday. */
export function fullDay(value: string | number): string {
  return format(value, { year: "numeric", month: "long", day: "numeric", weekday: "short" });
}

/** A quantity with its unit, such as 20 包. */
export function amount(quantity: string | number | null | undefined, unit: string): string {
  if (quantity === null || quantity === undefined) return t("amount.open");
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
  return `${number.format(Number(quantity))} ${label("unit", unit)}`.trim();
}

/** The date of today in the stations' zone, as YYYY-MM-DD. */
export function today(after = 0): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(Date.now() + after * 86_400_000);
}
