/** The outbox at work: puts items on the disk, sends those that are ready, writes what came back. */
import type { Base } from "../store/base";
import * as rules from "./rules";
import type { Item, Outcome } from "./rules";

/** Sends one deed. It never throws: whatever happens is an outcome. */
export type Send = (
  deed: string,
  input: Record<string, unknown>,
  item: Item,
) => Promise<Outcome>;

/** `after`: an item's id, or the place of one before it in the same list. */
export type NewItem = Pick<Item, "thread" | "deed" | "input" | "about" | "picture"> & {
  after?: string | number;
};

export interface Surroundings {
  now: () => number;
  key: () => string;
  send: Send;
  /** Called after a change has reached the disk. */
  changed: () => void;
  /** The session has ended: nothing is sent until somebody signs in. */
  signedOut: () => void;
}

const AT_ONCE = 3;

export class Outbox {
  private running: Promise<void> | null = null;
  private again = false;

  constructor(
    private readonly base: Base,
    private readonly around: Surroundings,
  ) {}

  /** Keeps an item. The promise ends when its transaction has completed, never before. */
  async add(given: NewItem): Promise<Item> {
    return (await this.addAll([given]))[0] as Item;
  }

  /** Keeps items that belong together: all of them, or none. */
  async addAll(given: NewItem[]): Promise<Item[]> {
    const now = this.around.now();
    const change = this.base.transaction("outbox", "readwrite");
    const last = Math.max(0, ...(await change.store.getAll()).map((item) => item.seq));
    const items: Item[] = [];
    for (const { after, ...plain } of given) {
      const before = typeof after === "number" ? items[after]?.id : after;
      items.push({
        ...plain,
        ...(before === undefined ? {} : { after: before }),
        id: this.around.key(),
        seq: last + 1 + items.length,
        state: "queued",
        createdAt: now,
        attempts: 0,
        nextAt: now,
      });
    }
    for (const item of items) void change.store.add(item);
    await change.done;
    this.around.changed();
    return items;
  }

  async all(): Promise<Item[]> {
    return (await this.base.getAll("outbox")).sort((a, b) => a.seq - b.seq);
  }

  /** Sends what is ready until nothing is. Calls that come meanwhile make one more round.

`alone`: no other page can be sending, so what is on its way was lost with the page that sent it. */
  run(alone = false): Promise<void> {
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = this.rounds(alone).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async rounds(alone: boolean): Promise<void> {
    do {
      this.again = false;
      await this.tidy(alone);
      for (;;) {
        const waiting = rules.ready(await this.all(), this.around.now()).slice(0, AT_ONCE);
        if (!waiting.length) break;
        const outcomes = await Promise.all(waiting.map((item) => this.carry(item)));
        if (outcomes.includes("signedOut")) return this.around.signedOut();
        if (outcomes.includes("unreachable")) return;
      }
    } while (this.again);
  }

  private async carry(item: Item): Promise<Outcome["kind"]> {
    const claimed = await this.move(item.id, (kept) =>
      kept.state === "queued" || kept.state === "failed"
        ? rules.sent(kept, this.around.now())
        : null,
    );
    if (!claimed) return "done";
    const before = item.after ? await this.base.get("outbox", item.after) : undefined;
    const outcome = await this.around.send(item.deed, rules.payload(claimed, before), claimed);
    await this.move(item.id, (kept) =>
      kept.state === "sending" ? rules.settled(kept, outcome, this.around.now()) : null,
    );
    return outcome.kind;
  }

  /** Changes an item in one transaction; null leaves it. */
  private async move(id: string, change: (item: Item) => Item | null): Promise<Item | null> {
    const transaction = this.base.transaction("outbox", "readwrite");
    const kept = await transaction.store.get(id);
    const next = kept ? change(kept) : null;
    if (next) void transaction.store.put(next);
    await transaction.done;
    if (next) this.around.changed();
    return next;
  }

  /** Items lost on their way wait again; those done long ago go. */
  private async tidy(alone: boolean): Promise<void> {
    const now = this.around.now();
    const grace = alone ? 0 : rules.LOST_AFTER;
    const items = await this.all();
    for (const item of items) {
      const next = rules.recovered(item, now, grace);
      if (next !== item) await this.move(item.id, (kept) => rules.recovered(kept, now, grace));
      const old = item.state === "done" && (item.doneAt ?? 0) + rules.KEPT_DONE < now;
      if (old && !rules.builtUpon(items, item.id)) {
        await this.base.delete("outbox", item.id);
      }
    }
  }

  /** What waited only because there was no way to the server is ready now. */
  async hasten(): Promise<void> {
    const now = this.around.now();
    for (const item of await this.all()) {
      if (item.state === "queued" && item.nextAt > now) {
        await this.move(item.id, (kept) => (kept.state === "queued" ? { ...kept, nextAt: now } : null));
      }
    }
  }

  /** Tries an item again now. */
  async retry(id: string): Promise<void> {
    await this.move(id, (item) =>
      item.state === "failed" || item.state === "queued"
        ? { ...item, state: "queued", nextAt: this.around.now() }
        : null,
    );
  }

  /** Sends a conflicting or refused item again, under a new key, upon the version there is now. */
  async insist(id: string, expectedVersion: number): Promise<Item | null> {
    const transaction = this.base.transaction("outbox", "readwrite");
    const kept = await transaction.store.get(id);
    if (!kept || (kept.state !== "conflict" && kept.state !== "rejected")) return null;
    const { trouble: _, after: __, ...plain } = kept;
    const next: Item = {
      ...plain,
      id: this.around.key(),
      input: { ...kept.input, expectedVersion },
      state: "queued",
      attempts: 0,
      nextAt: this.around.now(),
    };
    void transaction.store.delete(id);
    void transaction.store.add(next);
    await transaction.done;
    this.around.changed();
    return next;
  }

  /** Lets a conflicting or refused item go, after a person has read it. */
  async letGo(id: string): Promise<void> {
    const transaction = this.base.transaction("outbox", "readwrite");
    const kept = await transaction.store.get(id);
    if (kept && (kept.state === "conflict" || kept.state === "rejected")) {
      void transaction.store.delete(id);
    }
    await transaction.done;
    if (kept?.picture) await this.base.delete("pictures", kept.picture);
    this.around.changed();
  }
}
