/** Fetches the working set. Screens read the disk; this is what puts it there. */
import { ask, SignedOut, Unreachable, Unwell } from "./api";
import { type Account, carry, here } from "./desk";
import * as gql from "./gql/graphql";
import { mergeRows, replaceRows, rowsOf } from "./store/base";
import { changed } from "./store/news";
import { nowIs } from "./store/status";
import { learn } from "./words";

export type WorkItem = gql.TodayQuery["waitingForMe"]["items"][number];
export type Referral = gql.ReferralsQuery["referrals"]["nodes"][number];
export type Need = gql.BoardQuery["needs"]["nodes"][number];
export type Task = gql.TasksQuery["volunteerTasks"]["nodes"][number];
export type Receivers = gql.ReceiversQuery;
type Entry = gql.WorksetQuery["syncWorkset"]["entries"][number];
type Held<Name extends string> = Extract<NonNullable<Entry["node"]>, { __typename: Name }> & {
  householdId: string | null;
  parentId: string | null;
};
export type Case = Held<"Case">;
export type Household = Held<"Household">;
export type Visit = Held<"Visit">;
export type CaseNote = Held<"CaseNote">;
export type CasePlan = Held<"CasePlan">;
export type Goal = Held<"Goal">;
export type Assessment = Held<"Assessment">;
export type FieldEdit = Held<"FieldEdit">;
export type OwnNeed = Held<"Need">;
export type Instrument = gql.FormsQuery["instruments"]["nodes"][number];
export type Checklist = gql.FormsQuery["visitChecklists"]["nodes"][number];
type Code = gql.CodesQuery["codeEntries"]["nodes"][number];

const MOST_PAGES = 10;
const CODES_FOR = 7 * 24 * 3_600_000;
const RECEIVERS_FOR = 24 * 3_600_000;
const OPEN_REFERRALS: gql.ReferralState[] = ["REQUESTED", "ACCEPTED", "IN_PROGRESS", "ON_HOLD", "COMPLETED"];

/** Who is signed in; null when nobody is. */
export async function whoAmI(): Promise<Account | null> {
  return (await ask(gql.MeDocument, {})).viewer ?? null;
}

/** All pages of a list, up to a limit. */
async function pages<T>(
  fetch: (after: string | null) => Promise<{ rows: T[]; next: string | null | undefined }>,
): Promise<T[]> {
  const found: T[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { rows, next }: { rows: T[]; next: string | null | undefined } = await fetch(after);
    found.push(...rows);
    if (!next) break;
    after = next;
  }
  return found;
}

async function work(): Promise<WorkItem[]> {
  return pages(async (after) => {
    const { items, hasMore, endCursor } = (await ask(gql.TodayDocument, { after })).waitingForMe;
    return { rows: items, next: hasMore ? endCursor : null };
  });
}

async function referrals(): Promise<Referral[]> {
  return pages(async (after) => {
    const { nodes, pageInfo } = (await ask(gql.ReferralsDocument, { after, states: OPEN_REFERRALS }))
      .referrals;
    return { rows: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  });
}

/** The county around a division: help is near where it is offered within one. */
export function countyOf(code: string | null | undefined): string | null {
  return code ? code.slice(0, 6) : null;
}

async function board(area: string | null): Promise<Need[]> {
  return pages(async (after) => {
    const { nodes, pageInfo } = (await ask(gql.BoardDocument, { after, area })).needs;
    return { rows: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  });
}

/** The stations of the account's own division. */
export async function stations(): Promise<gql.StationsQuery["stations"]["nodes"]> {
  const area = here().account.area?.code ?? null;
  return (await ask(gql.StationsDocument, { area })).stations.nodes;
}

/** Reads the names of codes from the disk. */
export async function learnCodes(): Promise<void> {
  learn(await rowsOf<Code>(here().base, "code"));
}

async function codes(now: number): Promise<void> {
  const { base } = here();
  const known = ((await base.get("meta", "codesAt")) as number | undefined) ?? 0;
  if (known + CODES_FOR > now) return;
  const all = await pages<Code>(async (after) => {
    const { nodes, pageInfo } = (await ask(gql.CodesDocument, { after })).codeEntries;
    return { rows: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  });
  const kept = all.filter((entry) => !entry.listName.startsWith("ocds_"));
  const rows = kept.map((data) => ({
    id: `${data.listName} ${String(data.position).padStart(4, "0")} ${data.code}`,
    data,
  }));
  await replaceRows(base, "code", rows, now);
  await base.put("meta", now, "codesAt");
  await learnCodes();
}

/** The kinds of rows in the working set, as they lie on the disk. */
const HELD = [
  ...["Case", "CaseNote", "CasePlan", "Goal", "Assessment"],
  ...["Visit", "Household", "Recipient", "Need", "FieldEdit"],
];
const CURSOR = "worksetCursor";

/** The cases and what belongs to them: all the first time, then what changed. */
async function workset(now: number): Promise<void> {
  const { base } = here();
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const since = ((await base.get("meta", CURSOR)) as string | undefined) ?? null;
    const set = (await ask(gql.WorksetDocument, { since })).syncWorkset;
    const entries = set.entries.map(({ objectType, objectId, node, householdId, parentId }) => ({
      kind: objectType,
      id: objectId,
      data: node ? { ...node, householdId, parentId } : null,
    }));
    const cursor = { key: CURSOR, value: set.nextCursor };
    await mergeRows(base, entries, cursor, since ? [] : HELD, now);
    if (!set.hasMore) return;
  }
}

/** Who organizes work of volunteers, for their own organization. */
const ORGANIZERS = ["STATION_LEAD", "SOCIAL_WORKER", "VOL_ORG"];

async function tasks(now: number): Promise<void> {
  const { base, account } = here();
  if (!ORGANIZERS.includes(account.role) || !account.organization) return;
  const found = await ask(gql.TasksDocument, { organization: account.organization.id });
  await replaceRows(base, "task", ranked(found.volunteerTasks.nodes), now);
}

/** To whom something may be referred: rarely other than yesterday. */
async function receivers(now: number, area: string | null): Promise<void> {
  const { base } = here();
  const known = ((await base.get("meta", "receiversAt")) as number | undefined) ?? 0;
  if (known + RECEIVERS_FOR > now) return;
  const data = await ask(gql.ReceiversDocument, { area });
  await replaceRows(base, "receivers", [{ id: "all", data }], now);
  await base.put("meta", now, "receiversAt");
}

/** The questionnaires of visits and assessments. */
async function forms(now: number): Promise<void> {
  const { base } = here();
  const { instruments, visitChecklists } = await ask(gql.FormsDocument, {});
  const rows = <T extends { id: string }>(nodes: T[]) => nodes.map((data) => ({ id: data.id, data }));
  await replaceRows(base, "instrument", rows(instruments.nodes), now);
  await replaceRows(base, "checklist", rows(visitChecklists.nodes), now);
}

/** A row's place in its list, so that the disk gives them back in the server's order. */
function ranked<T>(rows: T[]): { id: string; data: T }[] {
  return rows.map((data, place) => ({ id: String(place).padStart(5, "0"), data }));
}

let running: Promise<void> | null = null;
let again = false;

/** Sends what waits, then fetches everything anew. Calls that come meanwhile make one more round. */
export function sync(): Promise<void> {
  again = running !== null;
  running ??= rounds().finally(() => {
    running = null;
  });
  return running;
}

async function rounds(): Promise<void> {
  do {
    again = false;
    await once();
  } while (again);
}

async function lists(now: number, area: string | null): Promise<void> {
  const { base } = here();
  await replaceRows(base, "work", ranked(await work()), now);
  await replaceRows(base, "referral", ranked(await referrals()), now);
  await replaceRows(base, "need", ranked(await board(area)), now);
}

async function once(): Promise<void> {
  const { base, account, station } = here();
  nowIs({ syncing: true });
  try {
    await carry(true);
    const now = Date.now();
    const area = countyOf(station?.area?.code ?? account.area?.code);
    // Three at a time: what the server thinks of one is not waited for by the others.
    await Promise.all([
      workset(now),
      lists(now, area),
      forms(now).then(() => codes(now)).then(() => tasks(now)).then(() => receivers(now, area)),
    ]);
    await base.put("meta", now, "syncedAt");
    nowIs({ reachable: true, signedOut: false, unwell: "" });
  } catch (error) {
    if (error instanceof Unreachable) nowIs({ reachable: false });
    else if (error instanceof SignedOut) nowIs({ signedOut: true });
    else if (error instanceof Unwell) nowIs({ unwell: error.code });
    else throw error;
  } finally {
    nowIs({ syncing: false });
    changed();
  }
}
