/** The desk of whoever is signed in: their database, their outbox, their station. */
import { signOut } from "./api";
import { send } from "./deeds";
import type { MeQuery, StationsQuery } from "./gql/graphql";
import { type NewItem, Outbox } from "./outbox/outbox";
import { counts, type Item, nextMoment } from "./outbox/rules";
import { type Base, openBase } from "./store/base";
import { changed } from "./store/news";
import { nowIs } from "./store/status";

export type Account = NonNullable<MeQuery["viewer"]>;
export type Station = StationsQuery["stations"]["nodes"][number];

/** Told to the window when something recorded has been sent: it is time to look anew. */
export const CARRIED = "nexus-carried";
const LAST = "nexus.station.account";

export interface Desk {
  account: Account;
  base: Base;
  outbox: Outbox;
  station: Station | null;
}

let desk: Desk | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The desk; there is one on every screen but the first. */
export function here(): Desk {
  if (!desk) throw new Error("nobody has signed in on this phone");
  return desk;
}

async function open(id: string, account?: Account): Promise<Desk | null> {
  const base = await openBase(id, () => nowIs({ renewal: true }));
  if (account) await base.put("meta", account, "account");
  const known = account ?? ((await base.get("meta", "account")) as Account | undefined);
  if (!known) return null;
  const outbox = new Outbox(base, {
    now: Date.now,
    key: () => crypto.randomUUID(),
    send: async (name, input, item) => {
      const outcome = item.picture
        ? await (await import("./pictures")).sendPicture(base, input, item)
        : await send(name, input);
      nowIs({ reachable: outcome.kind !== "unreachable" });
      return outcome;
    },
    changed,
    signedOut: () => nowIs({ signedOut: true }),
  });
  const station = ((await base.get("meta", "station")) as Station | undefined) ?? null;
  desk = { account: known, base, outbox, station };
  localStorage.setItem(LAST, id);
  return desk;
}

/** The desk of whoever worked here last, without asking the server; null on a new phone. */
export async function lastDesk(): Promise<Desk | null> {
  const id = localStorage.getItem(LAST);
  return id ? open(id) : null;
}

/** Somebody else has signed in here: the desk of whoever worked last is not opened under their name. */
export function forgetOthers(account: string): void {
  if (localStorage.getItem(LAST) !== account) localStorage.removeItem(LAST);
}

/** The desk of whoever has just signed in. */
export async function deskOf(account: Account): Promise<Desk> {
  if (desk?.account.id !== account.id) desk?.base.close();
  else await desk.base.put("meta", account, "account");
  nowIs({ signedOut: false });
  return desk?.account.id === account.id ? desk : ((await open(account.id, account)) as Desk);
}

/** The station whose work is shown. */
export async function chooseStation(station: Station): Promise<void> {
  const { base } = here();
  await base.put("meta", station, "station");
  here().station = station;
  changed();
}

/** Keeps a deed and sends it when it can be; null when the disk refuses it. */
export async function record(given: NewItem): Promise<Item | null> {
  return (await recordAll([given]))?.[0] ?? null;
}

/** Keeps deeds that belong together, all or none; null when the disk refuses them. */
export async function recordAll(given: NewItem[]): Promise<Item[] | null> {
  try {
    const items = await here().outbox.addAll(given);
    nowIs({ full: false });
    void carry().then(() => dispatchEvent(new Event(CARRIED)));
    return items;
  } catch {
    nowIs({ full: true });
    return null;
  }
}

function lockOf({ account }: Desk): string {
  return `nexus-outbox-${account.id}`;
}

/** Sends what waits, in one tab at a time, and comes back when the next item may be tried.

`eager`: there may be a way to the server again, so what only lacked one is tried at once. */
export async function carry(eager = false): Promise<void> {
  if (!desk) return;
  clearTimeout(timer);
  const { outbox } = desk;
  if (eager) await outbox.hasten();
  if ("locks" in navigator) await navigator.locks.request(lockOf(desk), () => outbox.run(true));
  else await outbox.run();
  const next = nextMoment(await outbox.all());
  if (next !== null) timer = setTimeout(() => void carry(), Math.max(1_000, next - Date.now()));
}

/** Signs out. False, and nothing happens, while anything recorded is on this phone only. */
export async function leave(): Promise<boolean> {
  const { base, outbox } = here();
  if (counts(await outbox.all()).saved > 0 || (await base.count("drafts")) > 0) return false;
  await signOut().catch(() => undefined);
  for (const store of ["rows", "drafts", "pictures", "outbox", "meta"] as const) await base.clear(store);
  base.close();
  localStorage.removeItem(LAST);
  desk = null;
  return true;
}
