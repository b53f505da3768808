/** The button that prints a row's paper. */
import { useState } from "preact/hooks";
import { openPaper, type Subject } from "../files";
import { t } from "../words";

export function Paper({ of }: { of: Subject }) {
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  async function go() {
    setBusy(true);
    setTrouble(await openPaper(of));
    setBusy(false);
  }
  return (
    <>
      <button type="button" disabled={busy} onClick={() => void go()}>
        {t("print.pdf")}
      </button>
      {trouble && (
        <p class="notice warn" role="alert">
          {trouble}
        </p>
      )}
    </>
  );
}
