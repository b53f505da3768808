/** An assessment as a list of tasks: five dimensions, each a page, in any order, kept on the disk. */
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { here, record } from "../desk";
import { OF_BEFORE } from "../outbox/rules";
import { Badge, Empty, Section, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { type Asked, QuestionOf, said } from "../parts/questions";
import { rowOf, rowsOf } from "../store/base";
import { useDraft } from "../store/draft";
import { useLive } from "../store/news";
import type { Case, Instrument } from "../sync";
import { t, today } from "../words";

interface Item {
  key: string;
  zh: string;
  en?: string;
  options?: { value: string; zh: string; en?: string }[];
}

interface Dimension {
  key: string;
  zh: string;
  en?: string;
  items: Item[];
}

interface Said {
  answers: Record<string, unknown>;
  remarks: string;
}

async function read(id: string) {
  const { base } = here();
  const own = await rowOf<Case>(base, "Case", id);
  const all = await rowsOf<Instrument>(base, "instrument");
  const instrument = all
    .filter((one) => one.code === "WUWEI" && one.validFrom <= today())
    .sort((a, b) => b.revision - a.revision)[0];
  if (!own || !instrument) return null;
  return { own, instrument, parts: (instrument.content as { dimensions: Dimension[] }).dimensions };
}

function asked(item: Item): Asked {
  return {
    code: item.key,
    label: said(item.zh, item.en),
    kind: item.options ? "choice" : "number",
    required: true,
    options: (item.options ?? []).map(({ value, zh, en }) => ({ value, text: said(zh, en) })),
  };
}

export default function Assess({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const back = `/cases/${encodeURIComponent(id)}`;
  const found = useLive(() => read(id), [id]);
  const [open, setOpen] = useState<string | null>(null);
  const [, go] = useLocation();
  const draft = useDraft<Said>(`assess ${id}`, { answers: {}, remarks: "" });
  if (found === undefined || !draft.value) return <Waiting />;
  if (found === null) {
    return (
      <Frame title={t("assess.title")} back="/cases">
        <Empty word="assess.none" hint="goneHint" />
      </Frame>
    );
  }
  const { own, parts } = found;
  const now = draft.value;
  const answered = (part: Dimension) =>
    part.items.filter((item) => now.answers[item.key] !== undefined).length;
  const whole = parts.every((part) => answered(part) === part.items.length);
  const part = parts.find((one) => one.key === open);

  async function finish() {
    const thread = own.householdId ?? own.id;
    const about = { subject: own.id, no: own.no, title: t("assess.title") };
    const made = await record({
      thread,
      deed: "createAssessment",
      input: {
        householdId: own.householdId,
        assessedOn: today(),
        answers: now.answers,
        remarks: now.remarks.trim() || null,
      },
      about,
    });
    if (!made) return;
    const input = { id: OF_BEFORE, expectedVersion: 1 };
    await record({ thread, deed: "completeAssessment", input, about, after: made.id });
    await draft.clear();
    go("/outbox");
  }

  if (part) {
    return (
      <Frame
        title={said(part.zh, part.en)}
        back={back}
        actions={
          <div class="deeds">
            <button type="button" class="main" onClick={() => setOpen(null)}>
              {t("form.done")}
            </button>
          </div>
        }
      >
        <Section title={said(part.zh, part.en)}>
          <div class="stack">
            {part.items.map((item) => (
              <QuestionOf
                key={item.key}
                of={asked(item)}
                value={now.answers[item.key]}
                onChange={(value) => {
                  const { [item.key]: _, ...others } = now.answers;
                  draft.set({
                    answers: value === undefined ? others : { ...others, [item.key]: value },
                  });
                }}
              />
            ))}
          </div>
        </Section>
      </Frame>
    );
  }
  return (
    <Frame
      title={t("assess.title")}
      back={back}
      actions={
        <div class="deeds">
          <button type="button" class="main" disabled={!whole} onClick={() => void finish()}>
            {t("assess.finish")}
          </button>
        </div>
      }
    >
      <p class="muted">{t("assess.hint")}</p>
      <section class="card">
        <ul class="list">
          {parts.map((one) => {
            const done = answered(one);
            return (
              <li key={one.key}>
                <button type="button" class="row" onClick={() => setOpen(one.key)}>
                  <span class="grow">
                    <strong>{said(one.zh, one.en)}</strong>
                    <span class="muted">{t("assess.answered", { n: done, of: one.items.length })}</span>
                  </span>
                  <Badge tone={done === one.items.length ? "good" : done ? "warn" : "plain"}>
                    {t(done === one.items.length ? "form.complete" : done ? "form.begun" : "form.open")}
                  </Badge>
                </button>
              </li>
            );
          })}
        </ul>
      </section>
    </Frame>
  );
}
