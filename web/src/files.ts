/** Files to and from this device: hashes, papers of the server, lists as CSV. */
import { ask } from "./api";
import * as gql from "./gql/graphql";
import { t, tOf } from "./words";

/** SHA-256 as hexadecimal digits. */
export async function hashOf(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export type Subject = { visitId: string } | { referralId: string } | { caseId: string };

/** Opens the paper of a row in a tab of its own; why not, in words, when it cannot be had. */
export async function openPaper(subject: Subject): Promise<string> {
  // Opened before anything is waited for: a browser blocks what comes later than the press.
  const tab = window.open("about:blank", "_blank");
  try {
    const input = { subject, idempotencyKey: crypto.randomUUID() } as gql.PrintPaperInput;
    const { deed } = await ask(gql.PrintPaperDocument, { input });
    if (deed && "url" in deed) {
      if (tab) tab.location.href = deed.url;
      else location.assign(deed.url);
      return "";
    }
    tab?.close();
    return deed ? tOf("error", deed.code, deed.message) : t("unknown");
  } catch {
    tab?.close();
    return t("print.offline");
  }
}

/** A cell of CSV. What a spreadsheet would take for a formula gets an apostrophe before it. */
export function cell(value: unknown): string {
  const text = String(value ?? "");
  const plain = /^[\s]*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${plain.replace(/"/g, '""')}"`;
}

/** Hands a list to the browser as a file that Excel opens in Chinese. */
export function saveList(name: string, rows: unknown[][]): void {
  const text = `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
