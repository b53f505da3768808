/** The needs board: what is wanted in the county, how far it has come, and what could serve it. */
import { useState } from "preact/hooks";
import { here } from "../desk";
import { Badge, Empty, Row, type Tone, Urgency, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Need } from "../sync";
import { amount, day, label, t, tOf } from "../words";

export const COVERED: Record<string, Tone> = {
  NONE: "bad",
  PARTLY_PLEDGED: "warn",
  FULLY_PLEDGED: "info",
  PARTLY_DELIVERED: "info",
  DELIVERED: "good",
  CONFIRMED: "good",
};

type Filter = "all" | "mine" | "open" | "answer";
const FILTERS: Filter[] = ["all", "mine", "open", "answer"];

function fits(need: Need, filter: Filter): boolean {
  if (filter === "mine") return need.station?.id === here().station?.id;
  if (filter === "open") return need.coverage === "NONE" || need.coverage === "PARTLY_PLEDGED";
  if (filter === "answer") return need.pledges.nodes.some((pledge) => pledge.state === "OFFERED");
  return true;
}

export function matches(need: Need): number {
  return need.lines.nodes.reduce((sum, line) => sum + line.suggestions.length, 0);
}

function Line({ need }: { need: Need }) {
  const waiting = need.pledges.nodes.filter((pledge) => pledge.state === "OFFERED").length;
  const found = matches(need);
  return (
    <Row to={`/needs/${encodeURIComponent(need.id)}`}>
      <p class="line">
        <Urgency code={need.urgency} />
        <Badge tone={COVERED[need.coverage] ?? "plain"}>{tOf("coverage", need.coverage)}</Badge>
        {need.state !== "PUBLISHED" && <Badge tone="warn">{tOf("state.Need", need.state)}</Badge>}
        {need.neededBy && <span class="muted">{t("need.by", { day: day(need.neededBy) })}</span>}
      </p>
      <strong class="title">{need.publicTitle || label("need_category", need.category)}</strong>
      <p class="muted">
        {need.lines.nodes
          .map((line) =>
            t("need.line", {
              item: line.item,
              wanted: amount(line.quantityRequired, line.unit),
              open: amount(line.openQuantity, line.unit),
            }),
          )
          .join("；")}
      </p>
      <p class="muted">
        {[need.area?.name ?? need.shownArea?.name, need.no].filter(Boolean).join(" · ")}
      </p>
      <p class="why">
        {waiting > 0
          ? t("need.waiting", { n: waiting })
          : found > 0
            ? t("need.matches", { n: found })
            : fits(need, "open")
              ? t("need.noMatch")
              : t("need.taken")}
      </p>
    </Row>
  );
}

export default function Needs() {
  const [filter, setFilter] = useState<Filter>("all");
  const found = useLive(() => rowsOf<Need>(here().base, "need"));
  if (!found) return <Waiting />;
  const shown = found.filter((need) => fits(need, filter));
  return (
    <Frame title={t("needs.title")}>
      <div class="chips" role="group" aria-label={t("today.filter")}>
        {FILTERS.map((one) => (
          <button key={one} type="button" aria-pressed={filter === one} onClick={() => setFilter(one)}>
            {t(`needs.${one}`)} {found.filter((need) => fits(need, one)).length}
          </button>
        ))}
      </div>
      {shown.length === 0 ? (
        <Empty word="needs.none" hint="needs.noneHint" />
      ) : (
        <section class="card">
          <ul class="list">
            {shown.map((need) => (
              <Line key={need.id} need={need} />
            ))}
          </ul>
        </section>
      )}
    </Frame>
  );
}
