/* The outbox against a server that loses answers, refuses and dies: prints what went wrong, or nothing.

   usage: node tests/outbox.mjs SEED RUNS */
import "fake-indexeddb/auto";
import { rm } from "node:fs/promises";
import { rolldown } from "rolldown";

const [seed, runs] = process.argv.slice(2).map(Number);

const bundle = await rolldown({ input: ["src/outbox/outbox.ts", "src/store/base.ts"], platform: "node" });
const folder = `node_modules/.outbox-${process.pid}`;
await bundle.write({ dir: folder, entryFileNames: "[name].mjs" });
const { Outbox } = await import(`../${folder}/outbox.mjs`);
const { openBase } = await import(`../${folder}/base.mjs`);
await rm(folder, { recursive: true });

/** A small generator of its own, so that a seed tells the whole story. */
function chance(start) {
  let state = start >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { below: (most) => Math.floor(next() * most), of: (list) => list[Math.floor(next() * list.length)] };
}

class Server {
  constructor(dice) {
    this.dice = dice;
    this.effects = new Map();
    this.order = [];
    this.answers = new Map();
    this.calm = false;
  }

  async take(deed, input) {
    const key = input.idempotencyKey;
    const way = this.calm ? "through" : this.dice.of(["through", "through", "lost", "down", "unwell", "signedOut", "refused", "conflict"]);
    if (way === "down") return { kind: "unreachable" };
    if (way === "signedOut") return { kind: "signedOut" };
    if (way === "unwell") return { kind: "unwell", trouble: { code: "INTERNAL", message: "later" } };
    if (!this.answers.has(key)) {
      if (way === "refused" || way === "conflict") {
        const code = way === "conflict" ? "VERSION_CONFLICT" : "FORBIDDEN";
        this.answers.set(key, { kind: "refused", trouble: { code, message: code } });
      } else {
        this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
        this.order.push(input.mark);
        this.answers.set(key, { kind: "done", answer: { version: this.order.length } });
      }
    }
    return way === "lost" ? { kind: "unreachable" } : this.answers.get(key);
  }
}

async function run(number) {
  const dice = chance(seed * 100_003 + number);
  const server = new Server(dice);
  let now = 1_000_000;
  let keys = 0;
  const base = await openBase(`run-${number}`, () => undefined);
  const around = {
    now: () => now,
    key: () => `key-${keys++}`,
    send: (deed, input) => server.take(deed, input),
    changed: () => undefined,
    signedOut: () => undefined,
  };
  let outbox = new Outbox(base, around);
  const added = new Map();
  const say = (text) => {
    throw new Error(`seed ${seed}, run ${number}: ${text}`);
  };
  for (let step = 0; step < 40; step += 1) {
    const deed = dice.of(["add", "add", "run", "later", "reload", "die"]);
    if (deed === "add") {
      const thread = dice.of(["a", "b", "c"]);
      const mark = `${thread}${added.size}`;
      const item = await outbox.add({ thread, deed: "x", input: { mark }, about: { subject: thread } });
      if (!(await base.get("outbox", item.id))) say(`${item.id} was told to be kept and is not on the disk`);
      added.set(item.id, mark);
    }
    if (deed === "run") await outbox.run();
    if (deed === "later") now += dice.of([100, 5_000, 61_000, 700_000]);
    if (deed === "reload") outbox = new Outbox(base, around);
    if (deed === "die") {
      /* The page goes while items are on their way; some have reached the server. */
      const dying = new Outbox(base, { ...around, send: (d, i) => server.take(d, i).then(() => new Promise(() => undefined)) });
      void dying.run();
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      outbox = new Outbox(base, around);
    }
    const kept = new Set((await outbox.all()).map((item) => item.id));
    for (const id of added.keys()) if (!kept.has(id)) say(`${id} vanished after ${deed}`);
  }
  server.calm = true;
  for (let turn = 0; turn < 60; turn += 1) {
    now += 700_000;
    await outbox.run();
  }
  const items = await outbox.all();
  for (const [key, times] of server.effects) if (times !== 1) say(`${key} had ${times} effects`);
  const stuck = new Set(items.filter((item) => item.state === "conflict").map((item) => item.thread));
  for (const item of items) {
    const answer = server.answers.get(item.id);
    if (item.state === "done" && !server.effects.has(item.id)) say(`${item.id} is called done and is not`);
    if (item.state === "rejected" && answer?.kind !== "refused") say(`${item.id} was refused by nobody`);
    if (!["done", "rejected", "conflict"].includes(item.state) && !stuck.has(item.thread)) {
      say(`${item.id} is ${item.state} though nothing stands before it`);
    }
  }
  for (const thread of ["a", "b", "c"]) {
    const arrived = server.order.filter((mark) => mark[0] === thread);
    const recorded = [...added.values()].filter((mark) => arrived.includes(mark));
    if (String(arrived) !== String(recorded)) say(`${thread} arrived as ${arrived}, not ${recorded}`);
  }
  base.close();
}

/* An older database with a filled outbox keeps every item through the upgrade. */
async function upgrade() {
  const { openDB } = await import("idb");
  const old = await openDB("nexus-station-upgrade", 1, {
    upgrade(base) {
      base.createObjectStore("meta");
      base.createObjectStore("rows", { keyPath: ["kind", "id"] }).createIndex("kind", "kind");
      base.createObjectStore("outbox", { keyPath: "id" }).createIndex("state", "state");
      base.createObjectStore("drafts", { keyPath: "key" });
    },
  });
  for (let n = 0; n < 12; n += 1) await old.put("outbox", { id: `i${n}`, seq: n, state: "queued" });
  old.close();
  const base = await openBase("upgrade", () => undefined);
  if ((await base.count("outbox")) !== 12) throw new Error("the upgrade lost items of the outbox");
  base.close();
}

await upgrade();
for (let number = 0; number < runs; number += 1) await run(number);
console.log(JSON.stringify({ runs }));
