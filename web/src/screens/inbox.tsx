/** Inbox and referrals: what others sent here, and what became of what was sent. */
import { useState } from "preact/hooks";
import { here } from "../desk";
import { Badge, Empty, Row, Urgency, Waiting } from "../parts/basics";
import { Recorded, useRecorded } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Referral } from "../sync";
import { day, label, t, tOf, type Word } from "../words";

type Tab = "in" | "out" | "ended";
const TABS: Tab[] = ["in", "out", "ended"];
const ANSWERS = ["acceptReferral", "rejectReferral", "startReferral", "completeReferral"];

/** Which list a referral is on: waiting for us, with others, or done. */
function tabOf(referral: Referral): Tab {
  if (referral.state === "COMPLETED" && referral.closedLoop) return "ended";
  const ours = referral.allowedActions.some((name) => ANSWERS.includes(name));
  return ours ? "in" : referral.state === "COMPLETED" ? "ended" : "out";
}

function Line({ referral }: { referral: Referral }) {
  const recorded = useRecorded(referral.id, referral.version);
  const from = referral.fromStation?.name ?? referral.fromOrganization?.name ?? "";
  const to = referral.toStation?.name ?? referral.toOrganization?.name ?? "";
  return (
    <Row to={`/inbox/${encodeURIComponent(referral.id)}`}>
      <p class="line">
        <Urgency code={referral.urgency} />
        <Badge tone="info">{tOf("state.Referral", referral.state)}</Badge>
        {referral.overdue && <Badge tone="bad">{t("today.overdue")}</Badge>}
        {recorded && <Recorded item={recorded} />}
      </p>
      <strong class="title">{referral.title || label("need_category", referral.category)}</strong>
      <p class="muted">
        {from} → {to}
      </p>
      <p class="muted">
        {[
          referral.shownArea?.name,
          referral.no,
          referral.ackDueAt && referral.state === "REQUESTED"
            ? t("referral.answerBy", { day: day(referral.ackDueAt) })
            : "",
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </Row>
  );
}

export default function Inbox() {
  const [tab, setTab] = useState<Tab>("in");
  const found = useLive(() => rowsOf<Referral>(here().base, "referral"));
  if (!found) return <Waiting />;
  const shown = found.filter((referral) => tabOf(referral) === tab);
  return (
    <Frame title={t("inbox.title")}>
      <div class="chips" role="group" aria-label={t("inbox.which")}>
        {TABS.map((one) => (
          <button key={one} type="button" aria-pressed={tab === one} onClick={() => setTab(one)}>
            {t(`inbox.${one}` as Word)} {found.filter((referral) => tabOf(referral) === one).length}
          </button>
        ))}
      </div>
      {shown.length === 0 ? (
        <Empty word={`inbox.none.${tab}` as Word} />
      ) : (
        <section class="card">
          <ul class="list">
            {shown.map((referral) => (
              <Line key={referral.id} referral={referral} />
            ))}
          </ul>
        </section>
      )}
    </Frame>
  );
}
