/** Contracts of one's own organization: milestones, what counts for them, and handing them in. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { here, record } from "../desk";
import { hashOf } from "../files";
import * as gql from "../gql/graphql";
import { Badge, Dialog, Empty, Facts, Field, Section, type Tone, Waiting } from "../parts/basics";
import { Recorded, useRecorded } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { replaceRows, rowsOf } from "../store/base";
import { changed, useLive } from "../store/news";
import { amount, t, tOf, today } from "../words";

type Progress = Extract<
  NonNullable<gql.ContractProgressQuery["node"]>,
  { progress: unknown }
>["progress"];
type Contract = gql.ContractsQuery["contracts"]["nodes"][number] & { progress: Progress };
type Milestone = Contract["milestones"]["nodes"][number];

const TONES: Record<string, Tone> = { MET: "good", PARTIALLY_MET: "warn", NOT_MET: "bad" };
const HANDS_IN = ["STATION_LEAD", "VOL_ORG", "CHARITY_USER"];
const OPEN = ["SUBMITTED", "REVIEWING", "ACCEPTED"];

/** Fen as yuan, such as ¥1,200.00. */
export function yuan(fen: number): string {
  return `¥${(fen / 100).toLocaleString("en", { minimumFractionDigits: 2 })}`;
}

/** Fetches the contracts and keeps them for the time without signal. */
async function fetchContracts(): Promise<void> {
  const { base, account } = here();
  if (!account.organization) return;
  const { contracts } = await ask(gql.ContractsDocument, { organization: [account.organization.id] });
  const rows = await Promise.all(
    contracts.nodes.map(async (one) => {
      const { node } = await ask(gql.ContractProgressDocument, { id: one.id });
      const progress = node && "progress" in node ? node.progress : [];
      return { id: one.no, data: { ...one, progress } };
    }),
  );
  await replaceRows(base, "contract", rows, Date.now());
  changed();
}

interface Evidence {
  title: string;
  documentType: string;
  sha256: string;
}

function HandIn({ of, contract, onClose }: { of: Milestone | null; contract: Contract; onClose: () => void }) {
  const [documents, setDocuments] = useState<Evidence[]>([]);

  async function add(input: HTMLInputElement) {
    const found: Evidence[] = [];
    for (const file of input.files ?? []) {
      const sha256 = await hashOf(await file.arrayBuffer());
      found.push({ title: file.name.slice(0, 100), documentType: "physicalProgressReport", sha256 });
    }
    input.value = "";
    setDocuments([...documents, ...found]);
  }

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!of) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const item = await record({
      thread: of.id,
      deed: "submitAcceptance",
      input: {
        milestoneId: of.id,
        terms: {
          fromOn: text("fromOn"),
          untilOn: text("untilOn"),
          documents,
          note: text("note") || null,
        },
      },
      about: { subject: of.id, no: contract.no, title: of.title, place: contract.buyer?.name ?? "" },
    });
    if (!item) return;
    setDocuments([]);
    onClose();
  }

  return (
    <Dialog title={t("milestone.handIn")} open={of !== null} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <p class="muted">{t("milestone.handInHint")}</p>
        <Field id="from-on" label={t("milestone.from")}>
          <input id="from-on" name="fromOn" type="date" required defaultValue={contract.startsOn} />
        </Field>
        <Field id="until-on" label={t("milestone.until")} hint={t("milestone.untilHint")}>
          <input id="until-on" name="untilOn" type="date" required defaultValue={today(1)} />
        </Field>
        <Field id="evidence" label={t("optional", { what: t("milestone.evidence") })} hint={t("milestone.evidenceHint")}>
          <input
            id="evidence"
            type="file"
            multiple
            onChange={(event) => void add(event.currentTarget as HTMLInputElement)}
          />
        </Field>
        <ul class="list">
          {documents.map((one) => (
            <li key={one.sha256} class="row still">
              <span class="grow">
                <strong>{one.title}</strong>
                <span class="muted number">{one.sha256.slice(0, 16)}…</span>
              </span>
            </li>
          ))}
        </ul>
        <Field id="note" label={t("optional", { what: t("milestone.note") })}>
          <textarea id="note" name="note" rows={2} maxLength={500} />
        </Field>
        <div class="pair">
          <button type="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button class="main">{t("milestone.handIn")}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Step({ of, onHandIn }: { of: Milestone; onHandIn: () => void }) {
  const recorded = useRecorded(of.id, of.version);
  const last = of.acceptances.nodes.reduce<Milestone["acceptances"]["nodes"][number] | undefined>(
    (found, one) => (!found || one.round > found.round ? one : found),
    undefined,
  );
  const open =
    HANDS_IN.includes(here().account.role) &&
    of.openFen > 0 &&
    !OPEN.includes(last?.state ?? "") &&
    last?.state !== "REJECTED";
  const late = of.state === "SCHEDULED" && of.dueOn < today();
  return (
    <li class="row still">
      <div class="grow">
        <p class="line">
          <Badge tone={TONES[of.state] ?? "plain"}>{tOf("state.Milestone", of.state)}</Badge>
          {late && <Badge tone="bad">{t("today.overdue")}</Badge>}
          <span class="muted">{t("milestone.due", { day: of.dueOn })}</span>
        </p>
        <strong class="title">
          {of.position}. {of.title}
        </strong>
        <p class="muted">
          {t("milestone.money", {
            value: yuan(of.valueFen),
            accepted: yuan(of.acceptedFen),
            paid: yuan(of.paidFen),
          })}
        </p>
        {last && (
          <p class="why">
            {t("milestone.last", {
              no: last.no,
              state: tOf("state.Acceptance", last.state),
              fen: yuan(last.acceptedFen || last.claimedFen),
            })}
            {last.stateReason && ` · ${last.stateReason}`}
          </p>
        )}
        <div class="deeds">
          {recorded && <Recorded item={recorded} />}
          {open && (!recorded || recorded.state === "rejected") && (
            <button type="button" class="main" onClick={onHandIn}>
              {t("milestone.handIn")}
            </button>
          )}
        </div>
      </div>
    </li>
  );
}

function Agreement({ of }: { of: Contract }) {
  const [handing, setHanding] = useState<Milestone | null>(null);
  return (
    <Section title={of.title}>
      <Facts
        of={[
          ["fact.no", of.no],
          ["contract.buyer", of.buyer?.name],
          ["contract.term", t("task.period", { from: of.startsOn, to: of.endsOn })],
          ["contract.value", yuan(of.valueFen)],
        ]}
      />
      <h3>{t("contract.progress")}</h3>
      {of.progress.length === 0 && <p class="muted">{t("contract.noProgress")}</p>}
      <ul class="list">
        {of.progress.map((one) => (
          <li key={one.item?.id} class="row still">
            <span class="grow">
              <strong>{one.item?.catalogueItem?.title}</strong>
              <span class="muted">
                {t("contract.counted", { n: one.factsCounted, homes: one.householdsReached })}
              </span>
              <progress
                max={1}
                value={Math.min(1, Number(one.ratio ?? 0))}
                aria-label={one.item?.catalogueItem?.title ?? ""}
              />
            </span>
            <span class="number">
              {amount(one.quantityCounted, one.unit)} / {amount(one.contracted, one.unit)}
            </span>
          </li>
        ))}
      </ul>
      <h3>{t("contract.milestones")}</h3>
      <ul class="list">
        {[...of.milestones.nodes]
          .sort((a, b) => a.position - b.position)
          .map((one) => (
            <Step key={one.id} of={one} onHandIn={() => setHanding(one)} />
          ))}
      </ul>
      <HandIn of={handing} contract={of} onClose={() => setHanding(null)} />
    </Section>
  );
}

export default function Contracts() {
  const found = useLive(() => rowsOf<Contract>(here().base, "contract"));
  const sent = useLive(async () => (await here().outbox.all()).filter((one) => one.state === "done").length);
  const [offline, setOffline] = useState(false);
  useEffect(() => {
    void fetchContracts().then(
      () => setOffline(false),
      () => setOffline(true),
    );
  }, [sent]);
  if (!found) return <Waiting />;
  return (
    <Frame title={t("contracts.title")} back="/more" printable>
      {offline && <p class="muted">{t("contracts.offline")}</p>}
      {found.length === 0 ? (
        <Empty word="contracts.none" hint="contracts.noneHint" />
      ) : (
        found.map((one) => <Agreement key={one.id} of={one} />)
      )}
    </Frame>
  );
}
