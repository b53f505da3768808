/** The phone's own database: what was synced, what waits to be sent, what is being written.

One database an account, so that a phone that two people share mixes nothing. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Item } from "../outbox/rules";

export const VERSION = 2;

/** A row as the server told it; `kind` says which list or type it belongs to. */
export interface Row {
  kind: string;
  id: string;
  at: number;
  data: unknown;
}

/** A form that is being filled in; it survives a reload. */
export interface Draft {
  key: string;
  at: number;
  data: unknown;
}

/** A photo or signature that belongs to an outbox item. */
export interface Picture {
  id: string;
  item: string;
  at: number;
  blob: Blob;
}

interface Schema extends DBSchema {
  meta: { key: string; value: unknown };
  rows: { key: [string, string]; value: Row; indexes: { kind: string } };
  outbox: { key: string; value: Item; indexes: { state: string } };
  drafts: { key: string; value: Draft };
  pictures: { key: string; value: Picture; indexes: { item: string } };
}

export type Base = IDBPDatabase<Schema>;

/** Opens the database of an account, and brings an older one up to date without losing a row. */
export async function openBase(account: string, onOutdated: () => void): Promise<Base> {
  return openDB<Schema>(`nexus-station-${account}`, VERSION, {
    upgrade(base, old) {
      if (old < 1) {
        base.createObjectStore("meta");
        base.createObjectStore("rows", { keyPath: ["kind", "id"] }).createIndex("kind", "kind");
        base.createObjectStore("outbox", { keyPath: "id" }).createIndex("state", "state");
        base.createObjectStore("drafts", { keyPath: "key" });
      }
      if (old < 2) {
        base.createObjectStore("pictures", { keyPath: "id" }).createIndex("item", "item");
      }
    },
    blocking(_old, _new, event) {
      (event.target as IDBDatabase).close();
      onOutdated();
    },
  });
}

/** Puts these rows in the place of all of the kind. The promise ends when they are on the disk. */
export async function replaceRows(
  base: Base,
  kind: string,
  rows: { id: string; data: unknown }[],
  at: number,
): Promise<void> {
  const change = base.transaction("rows", "readwrite");
  const wanted = new Set(rows.map((row) => row.id));
  for (const key of await change.store.index("kind").getAllKeys(kind)) {
    if (!wanted.has(key[1])) void change.store.delete(key);
  }
  for (const { id, data } of rows) void change.store.put({ kind, id, at, data });
  await change.done;
}

/** All rows of a kind, in the order of their ids. */
export async function rowsOf<T>(base: Base, kind: string): Promise<T[]> {
  const rows = await base.getAllFromIndex("rows", "kind", kind);
  return rows.map((row) => row.data as T);
}

/** One row, or undefined. */
export async function rowOf<T>(base: Base, kind: string, id: string): Promise<T | undefined> {
  return (await base.get("rows", [kind, id]))?.data as T | undefined;
}

/** What changed of several kinds, and where to go on, in one transaction. `whole`: nothing else stays. */
export async function mergeRows(
  base: Base,
  entries: { kind: string; id: string; data: unknown | null }[],
  cursor: { key: string; value: string },
  whole: readonly string[],
  at: number,
): Promise<void> {
  const change = base.transaction(["rows", "meta"], "readwrite");
  const rows = change.objectStore("rows");
  for (const kind of whole) {
    for (const key of await rows.index("kind").getAllKeys(kind)) void rows.delete(key);
  }
  for (const { kind, id, data } of entries) {
    if (data === null) void rows.delete([kind, id]);
    else void rows.put({ kind, id, at, data });
  }
  void change.objectStore("meta").put(cursor.value, cursor.key);
  await change.done;
}
