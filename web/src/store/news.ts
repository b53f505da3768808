/** Tells the screens of this tab and of others that something has reached the disk. */
import { useEffect, useState } from "preact/hooks";

const listeners = new Set<() => void>();
const channel = "BroadcastChannel" in self ? new BroadcastChannel("nexus-station") : null;
channel?.addEventListener("message", () => tell());

function tell(): void {
  for (const listener of listeners) listener();
}

/** Call it after a transaction has completed. */
export function changed(): void {
  tell();
  channel?.postMessage("changed");
}

/** What `read` finds on the disk, read again after every change; undefined until the first time. */
export function useLive<T>(read: () => Promise<T>, inputs: readonly unknown[] = []): T | undefined {
  const [found, setFound] = useState<T>();
  useEffect(() => {
    let current = true;
    const again = () =>
      void read().then(
        (value) => current && setFound(() => value),
        () => undefined,
      );
    again();
    listeners.add(again);
    return () => {
      current = false;
      listeners.delete(again);
    };
  }, inputs);
  return found;
}
