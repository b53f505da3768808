/** The record of a visit that was made: what was found, and correcting what is wrong in it. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { here, record } from "../desk";
import * as gql from "../gql/graphql";
import { Badge, Dialog, Facts, Field, Icon, Section } from "../parts/basics";
import { Deeds, Recorded, useRecorded } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { Paper } from "../parts/paper";
import { nameOf } from "../parts/pictures";
import { said } from "../parts/questions";
import { useLive } from "../store/news";
import type { Household, Visit } from "../sync";
import { moment, t, tOf } from "../words";

export interface Item {
  code: string;
  label: string;
  labelEn?: string;
}

interface Props {
  visit: Visit;
  household: Household | undefined;
  items: Item[];
  back: string;
}

const KINDS = ["HOME", "PHONE", "VIDEO", "OFFICE", "JOINT"] as const;

/** An answer in words. */
function answerOf(value: unknown): string {
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  const text = String(value);
  return tOf("option", text.toUpperCase(), text);
}

/** Only what differs from what stood when the form was opened. */
function changesOf(visit: Visit, form: FormData): Record<string, unknown> {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const minutes = text("minutes") ? Number(text("minutes")) : null;
  const changes: Record<string, unknown> = {};
  if (text("kind") !== visit.visitKind) changes["kind"] = text("kind");
  if (minutes !== null && minutes !== visit.minutes) changes["minutes"] = minutes;
  if (text("summary") && text("summary") !== (visit.visitSummary ?? "")) {
    changes["summary"] = text("summary");
  }
  return changes;
}

/** The form holds to the row as it was when it was opened: a sync beneath it changes neither the
values nor the version that the correction builds upon. */
function Correct({ of, place, onClose }: { of: Visit | null; place: string; onClose: () => void }) {
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!of) return;
    const changes = changesOf(of, new FormData(event.currentTarget as HTMLFormElement));
    if (Object.keys(changes).length) {
      const happenedAt = new Date().toISOString();
      const item = await record({
        thread: of.householdId ?? of.id,
        deed: "updateVisit",
        input: { id: of.id, expectedVersion: of.version, ...changes, happenedAt },
        about: { subject: of.id, no: of.no, title: t("record.title"), place },
      });
      if (!item) return;
    }
    onClose();
  }
  return (
    <Dialog title={t("record.correct")} open={of !== null} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field id="kind" label={t("visit.kind")}>
          <select id="kind" name="kind" defaultValue={of?.visitKind}>
            {KINDS.map((kind) => (
              <option key={kind} value={kind} selected={kind === of?.visitKind}>
                {tOf("visitKind", kind)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="minutes" label={t("visit.minutes")}>
          <input
            id="minutes"
            name="minutes"
            type="number"
            min={1}
            max={1440}
            defaultValue={of?.minutes ?? ""}
          />
        </Field>
        <Field id="summary" label={t("visit.summaryLabel")} hint={t("note.hint")}>
          <textarea id="summary" name="summary" rows={5} maxLength={4000} defaultValue={of?.visitSummary ?? ""} />
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

type Shot = NonNullable<
  Extract<gql.VisitPicturesQuery["node"], { pictures: unknown }>
>["pictures"]["nodes"][number];

/** Pictures are opened one by one, because each opening is recorded; they are not kept here. */
function Album({ visit }: { visit: Visit }) {
  const [found, setFound] = useState<Shot[]>();
  const [offline, setOffline] = useState(false);
  const [shown, setShown] = useState<{ url: string; of: Shot } | null>(null);
  const waiting = useLive(async () => {
    const items = await here().outbox.all();
    return items.filter(
      (item) => item.picture && item.about.subject === visit.id && item.state !== "done",
    );
  }, [visit.id]);
  useEffect(() => {
    void ask(gql.VisitPicturesDocument, { id: visit.id }).then(
      ({ node }) => setFound(node && "pictures" in node ? node.pictures.nodes : []),
      () => setOffline(true),
    );
  }, [visit.id, waiting?.length]);

  async function open(of: Shot) {
    const input = { pictureId: of.id, idempotencyKey: crypto.randomUUID() };
    const { deed } = await ask(gql.OpenPictureDocument, { input });
    if (deed && "url" in deed) setShown({ url: deed.url, of });
  }

  const kept = (found ?? []).filter((one) => one.pictureState === "KEPT");
  return (
    <Section title={t("picture.title")}>
      {waiting?.map((item) => (
        <p key={item.id} class="line">
          <Recorded item={item} />
          <span>{item.about.title}</span>
        </p>
      ))}
      {offline && <p class="muted">{t("picture.offline")}</p>}
      {found && !kept.length && !waiting?.length && <p class="muted">{t("picture.none")}</p>}
      <ul class="list">
        {kept.map((one) => (
          <li key={one.id}>
            <button type="button" class="row" onClick={() => void open(one).catch(() => setOffline(true))}>
              <span class="grow">
                <strong>{nameOf(one)}</strong>
                <span class="muted">{moment(one.takenAt)}</span>
              </span>
              <Icon name="go" />
            </button>
          </li>
        ))}
      </ul>
      <Dialog title={shown ? nameOf(shown.of) : ""} open={shown !== null} onClose={() => setShown(null)}>
        {shown && <img class="whole" src={shown.url} alt={nameOf(shown.of)} />}
        <button type="button" onClick={() => setShown(null)}>
          {t("close")}
        </button>
      </Dialog>
    </Section>
  );
}

export function VisitRecord({ visit, household, items, back }: Props) {
  const [correcting, setCorrecting] = useState<Visit | null>(null);
  const recorded = useRecorded(visit.id, visit.version);
  const findings = Object.entries((visit.findings ?? {}) as Record<string, unknown>);
  const place = household?.area?.name ?? "";
  const actions = (
    <div class="deeds">
      <Paper of={{ visitId: visit.id }} />
      {visit.allowedActions.includes("updateVisit") && (
        <button type="button" onClick={() => setCorrecting(visit)}>
          {t("record.correct")}
        </button>
      )}
    </div>
  );
  return (
    <Frame title={t("record.title")} back={back} actions={actions}>
      <section class="card">
        <p class="line">
          <Badge tone="info">{tOf("visitKind", visit.visitKind)}</Badge>
          <Badge tone="good">{tOf("state.Visit", visit.visitState)}</Badge>
          {visit.danger && <Badge tone="bad">{t("record.danger")}</Badge>}
          {recorded && <Recorded item={recorded} />}
        </p>
        <h2 class="big">
          {place} · {household?.no}
        </h2>
        {visit.visitSummary && <p>{visit.visitSummary}</p>}
        <Facts
          of={[
            ["fact.no", visit.no],
            ["ask.visitedAt", visit.performedAt && moment(visit.performedAt)],
            ["visit.minutes", visit.minutes],
            ["record.by", visit.performer?.name],
          ]}
        />
        <Deeds of={visit} about={{ no: visit.no, title: t("record.title"), place }} />
      </section>
      <Section title={t("visit.found")}>
        {findings.length === 0 && <p class="muted">{t("record.noFindings")}</p>}
        <dl class="facts wide">
          {findings.map(([code, value]) => {
            const item = items.find((one) => one.code === code);
            return (
              <div key={code}>
                <dt>{item ? said(item.label, item.labelEn) : t("unknown")}</dt>
                <dd>{answerOf(value)}</dd>
              </div>
            );
          })}
        </dl>
      </Section>
      <Album visit={visit} />
      <Correct of={correcting} place={place} onClose={() => setCorrecting(null)} />
    </Frame>
  );
}
