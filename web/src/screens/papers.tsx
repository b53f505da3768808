/** Print and export: papers with lines to sign, and the lists of this device as files. */
import { here } from "../desk";
import { saveList } from "../files";
import { Section, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { Paper } from "../parts/paper";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Case, Household, Referral, Visit, WorkItem } from "../sync";
import { day, label, moment, t, tOf, today } from "../words";

const SHOWN = 10;

async function read() {
  const { base } = here();
  return {
    work: await rowsOf<WorkItem>(base, "work"),
    cases: await rowsOf<Case>(base, "Case"),
    visits: (await rowsOf<Visit>(base, "Visit")).sort((a, b) => b.dueOn.localeCompare(a.dueOn)),
    referrals: await rowsOf<Referral>(base, "referral"),
    homes: new Map((await rowsOf<Household>(base, "Household")).map((one) => [one.id, one])),
  };
}

type Found = Awaited<ReturnType<typeof read>>;

/** The lists as tables, the first row the heads. */
function tables({ work, cases, visits, referrals, homes }: Found): Record<string, unknown[][]> {
  const place = (id: string | null) => homes.get(id ?? "")?.area?.name ?? "";
  const household = (id: string | null) => homes.get(id ?? "")?.no ?? "";
  const head = (...words: Parameters<typeof t>[0][]) => words.map((word) => t(word));
  return {
    today: [
      head("fact.no", "export.kind", "export.urgency", "export.due"),
      ...work.map((one) => [
        one.no,
        tOf("kindShort", one.kind),
        tOf("urgency", one.urgency),
        one.dueAt ? moment(one.dueAt) : "",
      ]),
    ],
    cases: [
      head("fact.no", "fact.household", "fact.place", "export.state", "export.tier"),
      ...cases.map((one) => [
        one.no,
        household(one.householdId),
        place(one.householdId),
        tOf("state.Case", one.caseState),
        one.tier ? tOf("tier", one.tier) : "",
      ]),
    ],
    visits: [
      head("fact.no", "fact.household", "fact.place", "export.state", "export.due", "ask.visitedAt", "visit.minutes", "visit.summary"),
      ...visits.map((one) => [
        one.no,
        household(one.householdId),
        place(one.householdId),
        tOf("state.Visit", one.visitState),
        one.dueOn,
        one.performedAt ? moment(one.performedAt) : "",
        one.minutes,
        one.visitSummary,
      ]),
    ],
    referrals: [
      head("fact.no", "export.state", "fact.category", "fact.from", "fact.to", "fact.plannedOn"),
      ...referrals.map((one) => [
        one.no,
        tOf("state.Referral", one.state),
        label("need_category", one.category),
        one.fromStation?.name ?? one.fromOrganization?.name,
        one.toStation?.name ?? one.toOrganization?.name,
        one.plannedOn,
      ]),
    ],
  };
}

const LISTS = ["today", "cases", "visits", "referrals"] as const;

export default function Papers() {
  const found = useLive(read);
  if (!found) return <Waiting />;
  const lists = tables(found);
  const made = found.visits.filter((one) => ["DONE", "VERIFIED"].includes(one.visitState));
  const paper = (key: string, title: string, hint: string, of: Parameters<typeof Paper>[0]["of"]) => (
    <li key={key} class="row still">
      <span class="grow">
        <strong>{title}</strong>
        <span class="muted">{hint}</span>
      </span>
      <Paper of={of} />
    </li>
  );
  return (
    <Frame title={t("papers.title")} back="/more">
      <Section title={t("papers.export")}>
        <p class="muted">{t("papers.exportHint")}</p>
        <div class="deeds">
          {LISTS.map((one) => (
            <button
              key={one}
              type="button"
              onClick={() => saveList(`${t(`papers.list.${one}`)}-${today()}.csv`, lists[one] ?? [])}
            >
              {t(`papers.list.${one}`)} {(lists[one]?.length ?? 1) - 1}
            </button>
          ))}
        </div>
      </Section>
      <Section title={t("papers.visits")}>
        {made.length === 0 && <p class="muted">{t("papers.noVisits")}</p>}
        <ul class="list">
          {made
            .slice(0, SHOWN)
            .map((one) => paper(one.id, one.no, one.performedAt ? moment(one.performedAt) : "", { visitId: one.id }))}
        </ul>
      </Section>
      <Section title={t("papers.cases")}>
        {found.cases.length === 0 && <p class="muted">{t("cases.none")}</p>}
        <ul class="list">
          {found.cases
            .slice(0, SHOWN)
            .map((one) => paper(one.id, one.no, tOf("caseType", one.caseType), { caseId: one.id }))}
        </ul>
      </Section>
      <Section title={t("papers.referrals")}>
        {found.referrals.length === 0 && <p class="muted">{t("inbox.none.in")}</p>}
        <ul class="list">
          {found.referrals
            .slice(0, SHOWN)
            .map((one) => paper(one.id, one.no, one.sentAt ? day(one.sentAt) : "", { referralId: one.id }))}
        </ul>
      </Section>
    </Frame>
  );
}
