/** A case file: what it is, the plan, and everything that happened, the latest first. */
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { here, record } from "../desk";
import { Badge, Dialog, Empty, Facts, Field, Section, Waiting } from "../parts/basics";
import { Deeds, Recorded } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { Paper } from "../parts/paper";
import { type Item, OF_BEFORE } from "../outbox/rules";
import { rowOf, rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Assessment, Case, CaseNote, CasePlan, Goal, Household, OwnNeed, Visit } from "../sync";
import { day, moment, t, tOf } from "../words";
import { RISK } from "./cases";

interface Step {
  /** The record it stands for, where it has one. */
  to?: string;
  at: string;
  word: string;
  text: string;
  by: string;
}

interface File {
  case: Case;
  household: Household | undefined;
  visits: Visit[];
  plan: CasePlan | undefined;
  goals: Goal[];
  assessments: Assessment[];
  needs: OwnNeed[];
  steps: Step[];
  waiting: Item[];
}

async function read(id: string): Promise<File | null> {
  const { base, outbox } = here();
  const own = await rowOf<Case>(base, "Case", id);
  if (!own) return null;
  const of = async <T extends { householdId: string | null }>(kind: string) =>
    (await rowsOf<T>(base, kind)).filter((one) => one.householdId === own.householdId);
  const visits = await of<Visit>("Visit");
  const notes = (await rowsOf<CaseNote>(base, "CaseNote")).filter((one) => one.parentId === id);
  const plans = (await rowsOf<CasePlan>(base, "CasePlan")).filter((one) => one.parentId === id);
  const plan = plans.sort((a, b) => b.number - a.number)[0];
  const goals = (await rowsOf<Goal>(base, "Goal")).filter((one) => one.parentId === plan?.id);
  const assessments = await of<Assessment>("Assessment");
  const waiting = (await outbox.all()).filter(
    (item) => item.thread === (own.householdId ?? id) && item.state !== "done",
  );
  const steps: Step[] = [
    ...notes.map((note) => ({
      at: note.happenedAt,
      word: t("timeline.note"),
      text: note.text,
      by: note.author?.name ?? "",
    })),
    ...visits
      .filter((visit) => visit.performedAt)
      .map((visit) => ({
        to: `/visits/${encodeURIComponent(visit.id)}`,
        at: visit.performedAt as string,
        word: tOf("visitKind", visit.visitKind),
        text: visit.visitSummary ?? "",
        by: visit.performer?.name ?? "",
      })),
    ...assessments.map((one) => ({
      at: one.assessedOn,
      word: t("timeline.assessment"),
      text: one.score ? t("assess.score", { score: Number(one.score) }) : "",
      by: "",
    })),
  ].sort((a, b) => b.at.localeCompare(a.at));
  const household = await rowOf<Household>(base, "Household", own.householdId ?? "");
  return {
    case: own,
    household,
    visits,
    plan,
    goals: goals.sort((a, b) => a.position - b.position),
    assessments,
    needs: await of<OwnNeed>("Need"),
    steps,
    waiting,
  };
}

function NewNote({ of, onClose }: { of: Case | null; onClose: () => void }) {
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const thread = of?.householdId ?? of?.id ?? "";
    const about = { subject: of?.id ?? "", no: of?.no ?? "", title: t("timeline.note") };
    const item = await record({
      thread,
      deed: "createCaseNote",
      input: {
        caseId: of?.id,
        level: form.get("level"),
        text: String(form.get("text")).trim(),
        happenedAt: new Date().toISOString(),
      },
      about,
    });
    if (!item) return;
    const input = { id: OF_BEFORE, expectedVersion: 1 };
    await record({ thread, deed: "signCaseNote", input, about, after: item.id });
    onClose();
  }
  return (
    <Dialog title={t("note.title")} open={of !== null} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field id="note-text" label={t("note.text")} hint={t("note.hint")}>
          <textarea id="note-text" name="text" rows={5} required maxLength={4000} />
        </Field>
        <Field id="note-level" label={t("note.level")}>
          <select id="note-level" name="level">
            {["TEAM", "RESTRICTED", "SUPERVISION"].map((one) => (
              <option key={one} value={one}>
                {tOf("noteLevel", one)}
              </option>
            ))}
          </select>
        </Field>
        <div class="pair">
          <button type="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button class="main">{t("save")}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Plan({ plan, goals }: { plan: CasePlan | undefined; goals: Goal[] }) {
  if (!plan) return <p class="muted">{t("case.noPlan")}</p>;
  return (
    <>
      <p class="line">
        <Badge tone="info">{tOf("state.CasePlan", plan.planState)}</Badge>
        <span>{plan.summary}</span>
      </p>
      <ul class="list">
        {goals.map((goal) => (
          <li key={goal.id} class="row still">
            <span class="grow">
              <strong>{goal.goalText}</strong>
              <span class="muted">{goal.targetOn && t("goal.by", { day: day(goal.targetOn) })}</span>
            </span>
            <Badge>{tOf("state.Goal", goal.goalState)}</Badge>
          </li>
        ))}
      </ul>
      <Deeds of={plan} about={{ title: t("case.plan") }} />
    </>
  );
}

export default function CaseFile({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const [noting, setNoting] = useState(false);
  const file = useLive(() => read(id), [id]);
  if (file === undefined) return <Waiting />;
  if (file === null) {
    return (
      <Frame title={t("case.title")} back="/cases">
        <Empty word="gone" hint="goneHint" />
      </Frame>
    );
  }
  const { case: own, household, visits, plan, goals, needs, steps, waiting } = file;
  const due = visits
    .filter((visit) => visit.visitState === "SCHEDULED")
    .sort((a, b) => a.dueOn.localeCompare(b.dueOn))[0];
  const actions = (
    <div class="deeds">
      <button type="button" onClick={() => setNoting(true)}>
        {t("note.add")}
      </button>
      <Link class="button" href={`/cases/${encodeURIComponent(id)}/assess`}>
        {t("assess.do")}
      </Link>
      <Link class="button" href={`/cases/${encodeURIComponent(id)}/visit`}>
        {t("visit.unplanned")}
      </Link>
      {due && (
        <Link class="button main" href={`/visits/${encodeURIComponent(due.id)}`}>
          {t("visit.do")}
        </Link>
      )}
    </div>
  );
  return (
    <Frame title={t("case.title")} back="/cases" printable actions={actions}>
      <section class="card">
        <p class="line">
          {own.tier && <Badge tone={RISK[own.tier] ?? "plain"}>{tOf("tier", own.tier)}</Badge>}
          <Badge tone="info">{tOf("state.Case", own.caseState)}</Badge>
          {household?.addressProtected && <Badge tone="bad">{t("case.protected")}</Badge>}
        </p>
        <h2 class="big">
          {household?.area?.name} · {tOf("caseType", own.caseType)}
        </h2>
        {own.opening && <p>{own.opening}</p>}
        <Facts
          of={[
            ["fact.no", own.no],
            ["fact.household", household?.no],
            ["fact.householdSize", household?.size],
            ["fact.review", own.reviewDueAt && day(own.reviewDueAt)],
            ["fact.nextVisit", due && t("today.window", { from: day(due.windowFrom), to: day(due.dueOn) })],
          ]}
        />
        <Deeds of={own} about={{ no: own.no, title: t("case.title") }} />
        <div class="deeds">
          <Paper of={{ caseId: id }} />
        </div>
      </section>
      <Section title={t("case.plan")}>
        <Plan plan={plan} goals={goals} />
      </Section>
      <Section title={t("case.timeline")}>
        {waiting.map((item) => (
          <p key={item.id} class="line">
            <Recorded item={item} />
          </p>
        ))}
        {steps.length === 0 && waiting.length === 0 && <p class="muted">{t("timeline.none")}</p>}
        <ol class="timeline">
          {steps.map((step) => (
            <li key={`${step.at} ${step.word} ${step.text}`}>
              <p class="muted">
                {[step.at.length > 10 ? moment(step.at) : day(step.at), step.word, step.by]
                  .filter(Boolean)
                  .join(" · ")}
              </p>
              <p>{step.text}</p>
              {step.to && (
                <Link class="small" href={step.to}>
                  {t("record.open")}
                </Link>
              )}
            </li>
          ))}
        </ol>
      </Section>
      {needs.length > 0 && (
        <Section title={t("case.needs")}>
          <ul class="list">
            {needs.map((need) => (
              <li key={need.id} class="row still">
                <span class="grow">
                  <strong>{need.publicTitle}</strong>
                  <span class="muted">{need.no}</span>
                </span>
                <Badge>{tOf("coverage", need.coverage)}</Badge>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <NewNote of={noting ? own : null} onClose={() => setNoting(false)} />
    </Frame>
  );
}
