/** A form that survives a reload: every change is on the disk before anything else happens. */
import { useEffect, useRef, useState } from "preact/hooks";
import { here } from "../desk";
import { changed } from "./news";
import { nowIs } from "./status";

interface Held<T> {
  value: T | undefined;
  set: (change: Partial<T>) => void;
  /** All that was written has reached the disk. */
  safe: boolean;
  /** Call it when what the form said is in the outbox. */
  clear: () => Promise<void>;
}

/** False when the disk refused it: what is on the screen is then all there is. */
async function keep(key: string, data: object): Promise<boolean> {
  try {
    const change = here().base.transaction("drafts", "readwrite");
    void change.store.put({ key, at: Date.now(), data });
    await change.done;
    nowIs({ full: false });
    changed();
    return true;
  } catch {
    nowIs({ full: true });
    return false;
  }
}

export function useDraft<T extends object>(key: string, empty: T): Held<T> {
  const [value, setValue] = useState<T>();
  const [open, setOpen] = useState(0);
  const latest = useRef<T>(empty);
  useEffect(() => {
    let current = true;
    void here()
      .base.get("drafts", key)
      .then((kept) => {
        latest.current = { ...empty, ...(kept?.data as T | undefined) };
        if (current) setValue(latest.current);
      });
    return () => {
      current = false;
    };
  }, [key]);
  return {
    value,
    safe: open === 0,
    set(change) {
      latest.current = { ...latest.current, ...change };
      setValue(latest.current);
      setOpen((n) => n + 1);
      void keep(key, latest.current).then((kept) => kept && setOpen((n) => n - 1));
    },
    async clear() {
      await here().base.delete("drafts", key);
      changed();
    },
  };
}
