/** A home visit: one group of questions a page, kept on the disk with every change. */
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { here, recordAll } from "../desk";
import { OF_BEFORE } from "../outbox/rules";
import { Badge, Empty, Facts, Field, Section, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { nameOf, Pictures } from "../parts/pictures";
import { type Asked, QuestionOf, said } from "../parts/questions";
import type { Kept } from "../pictures";
import { rowOf, rowsOf } from "../store/base";
import { useDraft } from "../store/draft";
import { useLive } from "../store/news";
import type { Case, Checklist, Household, Visit } from "../sync";
import { codesOf, day, t, tOf } from "../words";
import { VisitRecord } from "./record";

interface Said {
  page: number;
  kind: string;
  performedAt: string;
  minutes: number | undefined;
  findings: Record<string, unknown>;
  summary: string;
  danger: boolean;
  changes: string[];
  changeNote: string;
  pictures: Kept[];
}

interface Question {
  code: string;
  label: string;
  labelEn?: string;
  kind: Asked["kind"];
  required: boolean;
  options?: string[];
}

const A_PAGE = 4;

/** This minute, as an input of local time wants it. */
function minute(): string {
  const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000);
  return now.toISOString().slice(0, 16);
}

/** Kinds of visit that nobody planned. */
const KINDS = ["HOME", "PHONE", "VIDEO", "OFFICE"] as const;

/** The visit that is due, or the case of one that nobody planned. */
async function read(id: string, caseId: string) {
  const { base } = here();
  const visit = await rowOf<Visit>(base, "Visit", id);
  const own = await rowOf<Case>(base, "Case", caseId);
  const home = visit?.householdId ?? own?.householdId;
  if (!home) return null;
  const lists = await rowsOf<Checklist>(base, "checklist");
  const checklist = lists
    .filter((one) => one.code === "VISIT")
    .sort((a, b) => b.listVersion - a.listVersion)[0];
  const household = await rowOf<Household>(base, "Household", home);
  return { visit, own, home, household, items: (checklist?.items ?? []) as Question[] };
}

export default function VisitForm({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const caseId = decodeURIComponent(params["caseId"] ?? "");
  const back = caseId ? `/cases/${encodeURIComponent(caseId)}` : "/";
  const found = useLive(() => read(id, caseId), [id, caseId]);
  const [, go] = useLocation();
  const [missing, setMissing] = useState<string[]>([]);
  const form = caseId ? `visit of ${caseId}` : `visit ${id}`;
  const draft = useDraft<Said>(form, {
    page: 0,
    kind: "HOME",
    performedAt: minute(),
    minutes: undefined,
    findings: {},
    summary: "",
    danger: false,
    changes: [],
    changeNote: "",
    pictures: [],
  });
  if (found === undefined || !draft.value) return <Waiting />;
  if (found === null) {
    return (
      <Frame title={t("visit.title")} back={back}>
        <Empty word="visit.settled" hint="goneHint" />
      </Frame>
    );
  }
  const { visit, own, home, household, items } = found;
  if (visit && ["DONE", "VERIFIED"].includes(visit.visitState)) {
    return <VisitRecord visit={visit} household={household} items={items} back={back} />;
  }
  if (visit && !["SCHEDULED", "MISSED"].includes(visit.visitState)) {
    return (
      <Frame title={t("visit.title")} back={back}>
        <Empty word="visit.settled" hint="goneHint" />
      </Frame>
    );
  }
  const now = draft.value;
  const groups: Question[][] = [];
  for (let at = 0; at < items.length; at += A_PAGE) groups.push(items.slice(at, at + A_PAGE));
  const last = groups.length + 1;

  function unanswered(group: Question[]): string[] {
    return group
      .filter((item) => item.required && now.findings[item.code] === undefined)
      .map((item) => item.code);
  }

  function next() {
    const wrong = unanswered(groups[now.page - 1] ?? []);
    setMissing(wrong);
    if (wrong.length) document.getElementById(`q-${wrong[0]}`)?.scrollIntoView();
    else draft.set({ page: now.page + 1 });
  }

  async function finish() {
    const about = {
      subject: visit?.id ?? caseId,
      no: visit?.no ?? own?.no ?? "",
      title: t(visit ? "visit.title" : "visit.unplanned"),
      place: household?.area?.name ?? "",
    };
    const made = {
      thread: home,
      deed: visit ? "performVisit" : "recordVisit",
      input: {
        ...(visit
          ? { id: visit.id, expectedVersion: visit.version }
          : { householdId: home, stationId: here().station?.id, caseId, kind: now.kind }),
        performedAt: new Date(now.performedAt).toISOString(),
        minutes: now.minutes ?? null,
        findings: now.findings,
        summary: now.summary.trim() || null,
        danger: now.danger,
        change: now.changes.length
          ? { changes: now.changes, note: now.changeNote.trim() || null }
          : null,
      },
      about,
    };
    // Each picture is a thread of its own: one that will not go up keeps nobody waiting.
    const pictures = now.pictures.map(({ id: picture, kind, signer, takenAt }) => ({
      thread: `picture ${picture}`,
      deed: "requestPicture",
      input: { visitId: visit?.id ?? OF_BEFORE, kind, signer, takenAt },
      about: { ...about, title: nameOf({ kind, signer }) },
      picture,
      after: 0,
    }));
    if (!(await recordAll([made, ...pictures]))) return;
    await draft.clear();
    go("/outbox");
  }

  const title = t(visit ? "visit.title" : "visit.unplanned");
  const actions = (
    <div class="deeds">
      {now.page > 0 && (
        <button type="button" onClick={() => draft.set({ page: now.page - 1 })}>
          {t("form.back")}
        </button>
      )}
      {now.page < last ? (
        <button type="button" class="main" onClick={next}>
          {t("form.next")}
        </button>
      ) : (
        <button type="button" class="main" onClick={() => void finish()}>
          {t("visit.finish")}
        </button>
      )}
    </div>
  );
  return (
    <Frame title={title} back={back} actions={actions}>
      <p class="day">
        {t("form.page", { page: now.page + 1, pages: last + 1 })}
        <span class="muted">{t(draft.safe ? "form.kept" : "form.keeping")}</span>
      </p>
      {now.page === 0 && (
        <Section title={t("visit.when")}>
          {visit && (
            <p class="line">
              <Badge tone="info">{tOf("visitKind", visit.visitKind)}</Badge>
              {visit.overdue && <Badge tone="bad">{t("today.overdue")}</Badge>}
            </p>
          )}
          <Facts
            of={[
              ["fact.household", household?.no],
              ["fact.place", household?.area?.name],
              ["fact.householdSize", household?.size],
              [
                "fact.window",
                visit && t("today.window", { from: day(visit.windowFrom), to: day(visit.dueOn) }),
              ],
            ]}
          />
          <div class="stack">
            {!visit && (
              <fieldset>
                <legend>{t("visit.kind")}</legend>
                <div class="choices">
                  {KINDS.map((kind) => (
                    <label key={kind}>
                      <input
                        type="radio"
                        name="kind"
                        checked={now.kind === kind}
                        onChange={() => draft.set({ kind })}
                      />
                      <span>{tOf("visitKind", kind)}</span>
                    </label>
                  ))}
                </div>
              </fieldset>
            )}
            <Field id="at" label={t("ask.visitedAt")}>
              <input
                id="at"
                type="datetime-local"
                required
                max={minute()}
                value={now.performedAt}
                onInput={(event) =>
                  draft.set({ performedAt: (event.currentTarget as HTMLInputElement).value })
                }
              />
            </Field>
            <QuestionOf
              of={{ code: "minutes", label: t("visit.minutes"), kind: "number", required: false, options: [] }}
              value={now.minutes}
              onChange={(minutes) => draft.set({ minutes: minutes as number | undefined })}
            />
          </div>
        </Section>
      )}
      {groups[now.page - 1] && (
        <Section title={t("visit.found")}>
          <div class="stack">
            {groups[now.page - 1]?.map((item) => (
              <QuestionOf
                key={item.code}
                of={{
                  code: item.code,
                  label: said(item.label, item.labelEn),
                  kind: item.kind,
                  required: item.required,
                  options: (item.options ?? []).map((value) => ({
                    value,
                    text: tOf("option", value, value),
                  })),
                  wrong: missing.includes(item.code) ? t("form.answer") : undefined,
                }}
                value={now.findings[item.code]}
                onChange={(value) => {
                  const { [item.code]: _, ...others } = now.findings;
                  draft.set({
                    findings: value === undefined ? others : { ...others, [item.code]: value },
                  });
                }}
              />
            ))}
          </div>
        </Section>
      )}
      {now.page === last && (
        <>
          <Closing now={now} set={draft.set} />
          <Pictures
            form={form}
            of={now.pictures}
            onChange={(pictures) => draft.set({ pictures })}
          />
        </>
      )}
    </Frame>
  );
}

function Closing({ now, set }: { now: Said; set: (change: Partial<Said>) => void }) {
  return (
    <>
      <Section title={t("visit.summary")}>
        <div class="stack">
          <Field id="summary" label={t("visit.summaryLabel")} hint={t("note.hint")}>
            <textarea
              id="summary"
              rows={4}
              maxLength={4000}
              value={now.summary}
              onInput={(event) =>
                set({ summary: (event.currentTarget as HTMLTextAreaElement).value })
              }
            />
          </Field>
          <label class="check">
            <input
              type="checkbox"
              checked={now.danger}
              onChange={(event) => set({ danger: (event.currentTarget as HTMLInputElement).checked })}
            />
            <span>{t("visit.danger")}</span>
          </label>
          {now.danger && <p class="notice bad">{t("visit.dangerHint")}</p>}
        </div>
      </Section>
      <Section title={t("visit.changed")}>
        <div class="stack">
          <fieldset>
            <legend class="muted">{t("visit.changedHint")}</legend>
            <div class="choices">
              {codesOf("household_change").map(({ code, text }) => (
                <label key={code}>
                  <input
                    type="checkbox"
                    checked={now.changes.includes(code)}
                    onChange={(event) =>
                      set({
                        changes: (event.currentTarget as HTMLInputElement).checked
                          ? [...now.changes, code]
                          : now.changes.filter((one) => one !== code),
                      })
                    }
                  />
                  <span>{text}</span>
                </label>
              ))}
            </div>
          </fieldset>
          {now.changes.length > 0 && (
            <Field id="change-note" label={t("optional", { what: t("visit.changeNote") })}>
              <textarea
                id="change-note"
                rows={2}
                maxLength={500}
                value={now.changeNote}
                onInput={(event) =>
                  set({ changeNote: (event.currentTarget as HTMLTextAreaElement).value })
                }
              />
            </Field>
          )}
        </div>
      </Section>
    </>
  );
}
