/** Cases: the working set by name of place and number, each with what it waits for. */
import { useState } from "preact/hooks";
import { here } from "../desk";
import { Badge, Empty, Row, type Tone, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Case, Household, Visit } from "../sync";
import { day, t, tOf } from "../words";

export const RISK: Record<string, Tone> = { HIGH: "bad", MEDIUM: "warn", LOW: "good" };
const RANK: Record<string, number> = { HIGH: 0, MEDIUM: 1, LOW: 2 };
const ENDED = ["CLOSED", "REFERRED_OUT", "REJECTED_AT_INTAKE"];

interface Known {
  case: Case;
  household: Household | undefined;
  due: Visit | undefined;
}

async function read(): Promise<Known[]> {
  const { base } = here();
  const homes = new Map((await rowsOf<Household>(base, "Household")).map((one) => [one.id, one]));
  const visits = (await rowsOf<Visit>(base, "Visit")).filter((one) => one.visitState === "SCHEDULED");
  const cases = (await rowsOf<Case>(base, "Case")).map((one) => ({
    case: one,
    household: homes.get(one.householdId ?? ""),
    due: visits
      .filter((visit) => visit.householdId === one.householdId)
      .sort((a, b) => a.dueOn.localeCompare(b.dueOn))[0],
  }));
  return cases.sort(
    (a, b) =>
      (RANK[a.case.tier ?? ""] ?? 3) - (RANK[b.case.tier ?? ""] ?? 3) ||
      a.case.no.localeCompare(b.case.no),
  );
}

/** Why the case is where it is in the list. */
function whyOf({ case: one, due }: Known): string {
  if (one.reviewOverdue) return t("case.reviewLate");
  if (due) return t("case.visitDue", { from: day(due.windowFrom), to: day(due.dueOn) });
  return one.tier ? t("case.noVisit") : t("case.unassessed");
}

export default function Cases() {
  const [wanted, setWanted] = useState("");
  const found = useLive(read);
  if (!found) return <Waiting />;
  const open = found.filter((one) => !ENDED.includes(one.case.caseState));
  const shown = open.filter(({ case: one, household }) =>
    [one.no, household?.no, household?.area?.name].some((text) =>
      text?.toLowerCase().includes(wanted.trim().toLowerCase()),
    ),
  );
  return (
    <Frame title={t("cases.title")}>
      <div class="field">
        <label for="search">{t("cases.search")}</label>
        <input
          id="search"
          type="search"
          value={wanted}
          onInput={(event) => setWanted((event.currentTarget as HTMLInputElement).value)}
        />
      </div>
      {shown.length === 0 ? (
        <Empty word={wanted ? "cases.noMatch" : "cases.none"} hint="cases.noneHint" />
      ) : (
        <section class="card">
          <ul class="list">
            {shown.map((known) => (
              <Row key={known.case.id} to={`/cases/${encodeURIComponent(known.case.id)}`}>
                <p class="line">
                  {known.case.tier && (
                    <Badge tone={RISK[known.case.tier] ?? "plain"}>{tOf("tier", known.case.tier)}</Badge>
                  )}
                  <Badge tone="info">{tOf("state.Case", known.case.caseState)}</Badge>
                </p>
                <strong class="title">
                  {known.household?.area?.name} ·{" "}
                  {tOf("caseType", known.case.caseType)}
                </strong>
                <p class="muted">
                  {known.case.no}
                </p>
                <p class="why">{whyOf(known)}</p>
              </Row>
            ))}
          </ul>
        </section>
      )}
    </Frame>
  );
}
