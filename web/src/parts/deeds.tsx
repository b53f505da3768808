/** The buttons of what may be done to a row, and the dialog that asks what each deed needs. */
import { useState } from "preact/hooks";
import { DEEDS, ON_SCREENS, type Question } from "../deeds";
import { here, record } from "../desk";
import type { Item } from "../outbox/rules";
import { useLive } from "../store/news";
import { codesOf, t, tOf, today } from "../words";
import { Badge, Dialog, Field, type Tone } from "./basics";

export interface Subject {
  id: string;
  version: number;
  allowedActions: string[];
}

interface Props {
  of: Subject;
  about: Omit<Item["about"], "subject">;
  onDone?: () => void;
}

const TONES: Record<Item["state"], Tone> = {
  queued: "warn",
  sending: "warn",
  failed: "warn",
  conflict: "bad",
  rejected: "bad",
  done: "good",
};

/** The last thing recorded about a row on this phone, if the server does not show it yet. */
export function useRecorded(id: string, version: number): Item | undefined {
  const found = useLive(async () => {
    const items = await here().outbox.all();
    const mine = items.filter((item) => item.about.subject === id);
    const last = mine[mine.length - 1];
    const known = last?.state === "done" && (last.answer?.version ?? 0) <= version;
    return known ? undefined : last;
  }, [id, version]);
  return found;
}

export function Recorded({ item }: { item: Item }) {
  return (
    <Badge tone={TONES[item.state]}>
      {tOf("deed", item.deed)} · {tOf("outbox.state", item.state)}
    </Badge>
  );
}

export function Deeds({ of, about, onDone }: Props) {
  const [asked, setAsked] = useState<string | null>(null);
  const recorded = useRecorded(of.id, of.version);
  const open = of.allowedActions.filter((name) => DEEDS[name] && !ON_SCREENS.has(name));
  if (recorded && recorded.state !== "rejected") {
    return (
      <p class="deeds">
        <Recorded item={recorded} />
      </p>
    );
  }
  if (!open.length) return null;
  return (
    <div class="deeds">
      {recorded && <Recorded item={recorded} />}
      {open.map((name) => (
        <button
          key={name}
          type="button"
          class={DEEDS[name]?.tone}
          onClick={() => (DEEDS[name]?.questions.length ? setAsked(name) : void go(name, {}))}
        >
          {tOf("deed", name)}
        </button>
      ))}
      <Ask name={asked} onClose={() => setAsked(null)} onSay={(said) => void go(asked as string, said)} />
    </div>
  );

  async function go(name: string, said: Record<string, unknown>) {
    setAsked(null);
    const input = { id: of.id, expectedVersion: of.version, ...said };
    const item = await record({
      thread: of.id,
      deed: name,
      input,
      about: { subject: of.id, ...about },
    });
    if (item) onDone?.();
  }
}

interface AskProps {
  name: string | null;
  onClose: () => void;
  onSay: (said: Record<string, unknown>) => void;
}

function Ask({ name, onClose, onSay }: AskProps) {
  const questions = (name && DEEDS[name]?.questions) || [];

  function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const said: Record<string, unknown> = {};
    for (const { field, kind } of questions) {
      const text = String(form.get(field) ?? "").trim();
      if (!text) continue;
      if (kind === "datetime") said[field] = new Date(text).toISOString();
      else said[field] = kind === "number" ? Number(text) : text;
    }
    onSay(said);
  }

  return (
    <Dialog title={name ? tOf("deed", name) : ""} open={name !== null} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        {questions.map((question) => (
          <Answer key={question.field} question={question} />
        ))}
        <div class="pair">
          <button type="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button class={name ? DEEDS[name]?.tone : ""}>{name ? tOf("deed", name) : ""}</button>
        </div>
      </form>
    </Dialog>
  );
}

export function Answer({ question }: { question: Question }) {
  const { field, kind, word, needed } = question;
  const id = `ask-${field}`;
  const label = needed ? t(word) : t("optional", { what: t(word) });
  return (
    <Field id={id} label={label}>
      {kind === "text" && <textarea id={id} name={field} required={needed} rows={3} />}
      {kind === "date" && (
        <input id={id} name={field} type="date" required={needed} defaultValue={today()} />
      )}
      {kind === "number" && (
        <input id={id} name={field} type="number" min={1} max={90} required={needed} />
      )}
      {kind === "datetime" && <input id={id} name={field} type="datetime-local" required={needed} />}
      {(kind === "code" || kind === "choice") && (
        <select id={id} name={field} required={needed}>
          <option value="">{t("choose")}</option>
          {optionsOf(question).map(({ code, text }) => (
            <option key={code} value={code}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function optionsOf({ list, options, words }: Question): { code: string; text: string }[] {
  if (list) return codesOf(list);
  return (options ?? []).map((code) => ({ code, text: tOf(words ?? "", code) }));
}
