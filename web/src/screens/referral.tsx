/** One referral: what is asked, what is open of its package, and the answer to it. */
import { here } from "../desk";
import { Badge, Empty, Facts, Section, Urgency, Waiting } from "../parts/basics";
import { Deeds } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { Paper } from "../parts/paper";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Referral } from "../sync";
import { amount, day, label, moment, t, tOf } from "../words";

export default function ReferralFile({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const found = useLive(() => rowsOf<Referral>(here().base, "referral"), [id]);
  if (!found) return <Waiting />;
  const referral = found.find((one) => one.id === id);
  if (!referral) {
    return (
      <Frame title={t("referral.title")} back="/inbox">
        <Empty word="gone" hint="goneHint" />
      </Frame>
    );
  }
  const title = referral.title || label("need_category", referral.category);
  const about = { no: referral.no, title, place: referral.shownArea?.name ?? "" };
  return (
    <Frame title={t("referral.title")} back="/inbox" printable actions={<Deeds of={referral} about={about} />}>
      <section class="card">
        <p class="line">
          <Urgency code={referral.urgency} />
          <Badge tone="info">{tOf("state.Referral", referral.state)}</Badge>
          {referral.capacityWarning && <Badge tone="warn">{t("referral.capacity")}</Badge>}
        </p>
        <h2 class="big">{title}</h2>
        {referral.summary && <p>{referral.summary}</p>}
        <Facts
          of={[
            ["fact.no", referral.no],
            ["fact.from", referral.fromStation?.name ?? referral.fromOrganization?.name],
            ["fact.to", referral.toStation?.name ?? referral.toOrganization?.name],
            ["fact.place", referral.shownArea?.name],
            ["fact.sentAt", referral.sentAt && moment(referral.sentAt)],
            ["fact.answerBy", referral.ackDueAt && moment(referral.ackDueAt)],
            ["fact.plannedOn", referral.plannedOn && day(referral.plannedOn)],
            ["fact.outcome", label("outcome", referral.outcome)],
            ["fact.rejectReason", label("referral_reject_reason", referral.rejectReason)],
            ["fact.note", referral.note],
          ]}
        />
        <div class="deeds">
          <Paper of={{ referralId: referral.id }} />
        </div>
      </section>
      <Section title={t("referral.lines")}>
        <ul class="list">
          {referral.lines.nodes.map((line) => (
            <li key={line.id} class="row still">
              <span class="grow">
                <strong>{line.item || tOf("needKind", line.kind)}</strong>
              </span>
              <span class="number">{amount(line.quantity, line.unit)}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title={t("referral.package")}>
        {referral.openClasses.length === 0 ? (
          <p class="muted">{t("referral.closed")}</p>
        ) : (
          <Facts
            of={[
              ["fact.alias", referral.recipientAlias],
              ["fact.birthYear", referral.birthYear],
              ["fact.gender", referral.gender && tOf("gender", referral.gender)],
              ["fact.householdSize", referral.householdSize],
              ["fact.living", referral.livingCondition],
            ]}
          />
        )}
      </Section>
    </Frame>
  );
}
