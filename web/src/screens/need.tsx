/** One need: its lines, what fits each and why, and the pledges that wait for an answer. */
import { Link } from "wouter-preact";
import { here } from "../desk";
import { Badge, Empty, Facts, Section, Urgency, Waiting } from "../parts/basics";
import { Deeds } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Need } from "../sync";
import { amount, day, label, t, tOf } from "../words";
import { COVERED } from "./needs";

type Line = Need["lines"]["nodes"][number];
type Suggestion = Line["suggestions"][number];
type Pledge = Need["pledges"]["nodes"][number];

function Suggested({ of, unit }: { of: Suggestion; unit: string }) {
  return (
    <li>
      <details class="suggestion">
        <summary>
          <span class="score" aria-label={t("match.score", { n: of.score })}>
            {of.score}
          </span>
          <span class="grow">
            <strong>{of.offer?.title}</strong>
            <span class="muted">
              {of.offer?.organization?.name} · {t("match.available")}{" "}
              {amount(of.available, unit)}
            </span>
          </span>
        </summary>
        {of.alreadyHelped && <p class="notice warn">{t("match.already")}</p>}
        <ul class="reasons">
          {of.reasons.map((reason) => (
            <li key={reason.code}>
              <span>{tOf("match", reason.code, reason.text)}</span>
              <span class="number">+{reason.points}</span>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}

function Wanted({ line }: { line: Line }) {
  return (
    <Section title={line.item || tOf("needKind", line.kind)}>
      <Facts
        of={[
          ["fact.required", amount(line.quantityRequired, line.unit)],
          ["fact.open", amount(line.openQuantity, line.unit)],
        ]}
      />
      <h3>{t("match.title")}</h3>
      {line.suggestions.length === 0 ? (
        <p class="muted">{t("match.none")}</p>
      ) : (
        <ul class="list">
          {line.suggestions.map((one) => (
            <Suggested key={one.offer?.id} of={one} unit={line.unit} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Pledged({ pledge, title }: { pledge: Pledge; title: string }) {
  return (
    <li class="row still">
      <div class="grow">
        <p class="line">
          <Badge tone={pledge.state === "OFFERED" ? "warn" : "info"}>
            {tOf("state.Pledge", pledge.state)}
          </Badge>
          <span class="muted">{pledge.no}</span>
        </p>
        <strong class="title">
          {pledge.organization?.name} · {pledge.line?.item} {amount(pledge.quantity, pledge.line?.unit ?? "")}
        </strong>
        {pledge.plannedOn && (
          <p class="muted">{t("pledge.planned", { day: day(pledge.plannedOn) })}</p>
        )}
        {pledge.note && <p>{pledge.note}</p>}
        <Deeds of={pledge} about={{ no: pledge.no, title, place: pledge.organization?.name ?? "" }} />
      </div>
    </li>
  );
}

/** Whether it can be referred from here: verified or published, and of a territory one works in. */
function refers(need: Need): boolean {
  const { account } = here();
  return (
    ["SOCIAL_WORKER", "STATION_LEAD"].includes(account.role) &&
    ["VERIFIED", "PUBLISHED"].includes(need.state) &&
    need.area !== null
  );
}

export default function NeedFile({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const found = useLive(() => rowsOf<Need>(here().base, "need"), [id]);
  if (!found) return <Waiting />;
  const need = found.find((one) => one.id === id);
  if (!need) {
    return (
      <Frame title={t("need.title")} back="/needs">
        <Empty word="gone" hint="goneHint" />
      </Frame>
    );
  }
  const title = need.publicTitle || label("need_category", need.category);
  return (
    <Frame
      title={t("need.title")}
      back="/needs"
      printable
      actions={
        <>
          <Deeds of={need} about={{ no: need.no, title, place: need.area?.name ?? "" }} />
          {refers(need) && (
            <div class="deeds">
              <Link class="button" href={`/needs/${encodeURIComponent(id)}/refer`}>
                {t("refer.title")}
              </Link>
            </div>
          )}
        </>
      }
    >
      <section class="card">
        <p class="line">
          <Urgency code={need.urgency} />
          <Badge tone="info">{tOf("state.Need", need.state)}</Badge>
          <Badge tone={COVERED[need.coverage] ?? "plain"}>{tOf("coverage", need.coverage)}</Badge>
        </p>
        <h2 class="big">{title}</h2>
        {need.publicSummary && <p>{need.publicSummary}</p>}
        <Facts
          of={[
            ["fact.no", need.no],
            ["fact.category", label("need_category", need.category)],
            ["fact.place", need.area?.name ?? need.shownArea?.name],
            ["fact.station", need.station?.name],
            ["fact.neededBy", need.neededBy && day(need.neededBy)],
          ]}
        />
      </section>
      <Section title={t("need.pledges")}>
        {need.pledges.nodes.length === 0 ? (
          <p class="muted">{t("need.noPledges")}</p>
        ) : (
          <ul class="list">
            {need.pledges.nodes.map((pledge) => (
              <Pledged key={pledge.id} pledge={pledge} title={title} />
            ))}
          </ul>
        )}
      </Section>
      {need.lines.nodes.map((line) => (
        <Wanted key={line.id} line={line} />
      ))}
    </Frame>
  );
}
