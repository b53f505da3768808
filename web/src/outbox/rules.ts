/** What the outbox does, as sums over plain values: no clock, no database, no network. */

/** Waits · is on its way · did not get through and is tried again · the server has another version ·
the server refused · the server has it. */
export type State = "queued" | "sending" | "failed" | "conflict" | "rejected" | "done";

/** What somebody recorded, and how far it has come. `id` is its idempotency key. */
export interface Item {
  id: string;
  seq: number;
  /** What it belongs to: order is kept within a thread, and only there. */
  thread: string;
  deed: string;
  input: Record<string, unknown>;
  /** The item whose answer tells the id or version this one builds upon; it is sent first. */
  after?: string;
  /** The photo or signature that goes with it; its bytes lie beside the outbox. */
  picture?: string;
  /** How it is shown: number, title and place of what it is about. */
  about: { subject: string; no?: string; title?: string; place?: string };
  state: State;
  createdAt: number;
  sentAt?: number;
  doneAt?: number;
  attempts: number;
  nextAt: number;
  answer?: Answer;
  trouble?: Trouble;
}

export interface Answer {
  id?: string;
  state?: string;
  version?: number;
}

/** The code of a refusal; words/ says those that people meet. */
export type Code = string;

/** Why it is where it is: the server's code, its sentence, and what it knows beside. */
export interface Trouble {
  code: Code;
  message: string;
  details?: unknown;
}

export type Outcome =
  | { kind: "done"; answer: Answer }
  | { kind: "refused"; trouble: Trouble }
  | { kind: "unreachable" }
  | { kind: "signedOut" }
  | { kind: "unwell"; trouble: Trouble; wait?: number };

/** Stands for the id of what the item before makes, which is known when that is done. */
export const OF_BEFORE = "of the item before";
/** Longer on its way than this, an item is taken to be lost there and sent again: the key makes
that safe. */
export const LOST_AFTER = 60_000;
export const KEPT_DONE = 7 * 24 * 3_600_000;
const FIRST_WAIT = 4_000;
const LONGEST_WAIT = 600_000;
const CONFLICTS = new Set(["VERSION_CONFLICT", "CHANGED_MEANWHILE"]);
const HOLDS: ReadonlySet<State> = new Set<State>(["queued", "sending", "failed", "conflict"]);
const SENDABLE: ReadonlySet<State> = new Set<State>(["queued", "failed"]);

/** The items that may be sent now: the first open one of each thread, if its time has come. */
export function ready(items: readonly Item[], now: number): Item[] {
  const heads = new Map<string, Item>();
  for (const item of [...items].sort((a, b) => a.seq - b.seq)) {
    if (HOLDS.has(item.state) && !heads.has(item.thread)) heads.set(item.thread, item);
  }
  const open = new Set(items.filter((item) => HOLDS.has(item.state)).map((item) => item.id));
  return [...heads.values()].filter(
    (item) =>
      SENDABLE.has(item.state) && item.nextAt <= now && !(item.after && open.has(item.after)),
  );
}

/** Whether an item that is done is still needed: what builds upon it has not been sent. */
export function builtUpon(items: readonly Item[], id: string): boolean {
  return items.some((item) => item.after === id && item.state !== "done");
}

/** When something can be sent next, or null if nothing waits. */
export function nextMoment(items: readonly Item[]): number | null {
  const waiting = items.filter((item) => SENDABLE.has(item.state)).map((item) => item.nextAt);
  const lost = items
    .filter((item) => item.state === "sending")
    .map((item) => (item.sentAt ?? 0) + LOST_AFTER);
  const all = [...waiting, ...lost];
  return all.length ? Math.min(...all) : null;
}

/** The item as it is while it is on its way. */
export function sent(item: Item, now: number): Item {
  return { ...item, state: "sending", sentAt: now, attempts: item.attempts + 1 };
}

/** The item after an answer, or none. */
export function settled(item: Item, outcome: Outcome, now: number): Item {
  const { trouble: _, ...plain } = item;
  switch (outcome.kind) {
    case "done":
      return { ...plain, state: "done", answer: outcome.answer, doneAt: now };
    case "refused":
      return {
        ...plain,
        state: CONFLICTS.has(outcome.trouble.code) ? "conflict" : "rejected",
        trouble: outcome.trouble,
      };
    case "unreachable":
      return { ...plain, state: "queued", nextAt: now + pause(item.attempts) };
    case "signedOut":
      return { ...plain, state: "queued", nextAt: now };
    case "unwell":
      return {
        ...plain,
        state: "failed",
        trouble: outcome.trouble,
        nextAt: now + Math.max(outcome.wait ?? 0, pause(item.attempts)),
      };
  }
}

/** An item that was on its way for too long waits again. */
export function recovered(item: Item, now: number, grace = LOST_AFTER): Item {
  const lost = item.state === "sending" && (item.sentAt ?? 0) + grace <= now;
  return lost ? { ...item, state: "queued", nextAt: now } : item;
}

/** How long to wait after so many attempts, in milliseconds. */
export function pause(attempts: number): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.max(0, attempts - 1));
}

/** The fields that stand for the id of what the item before has made. */
function named(input: Record<string, unknown>, id: string): Record<string, string> {
  const fields = Object.keys(input).filter((name) => input[name] === OF_BEFORE);
  return Object.fromEntries(fields.map((name) => [name, id]));
}

/** What is sent: the input with its key, and the version the item before it has made. */
export function payload(item: Item, before: Item | undefined): Record<string, unknown> {
  const { id, version } = before?.answer ?? {};
  const built = {
    ...(version !== undefined && "expectedVersion" in item.input ? { expectedVersion: version } : {}),
    ...(id === undefined ? {} : named(item.input, id)),
  };
  return { ...item.input, ...built, idempotencyKey: item.id };
}

export interface Counts {
  saved: number;
  waiting: number;
  conflicts: number;
  rejected: number;
}

/** What the safety line says: on this phone only; of those to be sent, in conflict, refused. */
export function counts(items: readonly Item[]): Counts {
  const of = (...states: State[]) => items.filter((item) => states.includes(item.state)).length;
  const waiting = of("queued", "sending", "failed");
  const conflicts = of("conflict");
  const rejected = of("rejected");
  return { saved: waiting + conflicts + rejected, waiting, conflicts, rejected };
}
