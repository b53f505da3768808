/** Drawing up a referral of a need: to whom, about which lines, with which data. It works without
signal; the server has the last word on the consent. */
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { ask } from "../api";
import { here, record } from "../desk";
import * as gql from "../gql/graphql";
import { OF_BEFORE } from "../outbox/rules";
import { Badge, Empty, Facts, Field, Section, Urgency, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { replaceRows, rowOf, rowsOf } from "../store/base";
import { useDraft } from "../store/draft";
import { changed, useLive } from "../store/news";
import type { Need, Receivers } from "../sync";
import { amount, label, t, tOf } from "../words";

interface Said {
  to: string;
  lines: string[] | null;
  classes: string[];
  title: string;
  summary: string;
  note: string;
}

interface Receiver {
  key: string;
  organization: string;
  station: string | null;
  name: string;
  kind: "station" | "gov" | "charity";
}

interface Consent {
  dataClasses: string[];
  expiresOn: string;
}

/** Classes that a referral may carry beyond the de-identified need; D7 and D8 never leave. */
const CLASSES = ["D2", "D3", "D4", "D5", "D6"];
const KINDS: Receiver["kind"][] = ["station", "gov", "charity"];

function everybody({ stations, organizations }: Receivers): Receiver[] {
  const own = here().station?.id;
  const posts = stations.nodes
    .filter((one) => one.organization && one.id !== own)
    .map((one) => ({
      key: `station ${one.id}`,
      organization: one.organization?.id ?? "",
      station: one.id,
      name: one.name,
      kind: "station" as const,
    }));
  const mine = here().account.organization?.id;
  const others = organizations.nodes
    .filter((one) => one.id !== mine)
    .map((one) => ({
      key: `organization ${one.id}`,
      organization: one.id,
      station: null,
      name: one.name,
      kind: one.orgType === "GOVERNMENT_BODY" ? ("gov" as const) : ("charity" as const),
    }));
  return [...posts, ...others];
}

async function read(id: string) {
  const { base } = here();
  const need = (await rowsOf<Need>(base, "need")).find((one) => one.id === id);
  const receivers = await rowOf<Receivers>(base, "receivers", "all");
  const consent = await rowOf<Consent | null>(base, `consent ${id}`, id);
  return need ? { need, receivers: receivers ? everybody(receivers) : [], consent } : null;
}

/** Asks what the person has agreed to, when there is a way; what was known stays otherwise. */
async function learnConsent(id: string): Promise<void> {
  const { node } = await ask(gql.NeedConsentDocument, { id });
  const data = node && "consent" in node ? node.consent : null;
  await replaceRows(here().base, `consent ${id}`, [{ id, data }], Date.now());
  changed();
}

export default function Refer({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const [, go] = useLocation();
  const [asked, setAsked] = useState(false);
  const found = useLive(() => read(id), [id]);
  const draft = useDraft<Said>(`referral ${id}`, {
    to: "",
    lines: null,
    classes: [],
    title: "",
    summary: "",
    note: "",
  });
  if (found === undefined || !draft.value) return <Waiting />;
  const back = `/needs/${encodeURIComponent(id)}`;
  if (found === null) {
    return (
      <Frame title={t("refer.title")} back="/needs">
        <Empty word="gone" hint="goneHint" />
      </Frame>
    );
  }
  if (!asked) {
    setAsked(true);
    void learnConsent(id).catch(() => undefined);
  }
  const { need, receivers, consent } = found;
  const said = draft.value;
  const lines = said.lines ?? need.lines.nodes.map((line) => line.id);
  const open = CLASSES.filter((code) => consent?.dataClasses.includes(code));
  const title = need.publicTitle || label("need_category", need.category);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const to = receivers.find((one) => one.key === said.to);
    if (!to) return;
    const about = { subject: need.id, no: need.no, title: `${title} → ${to.name}`, place: to.name };
    const drawn = await record({
      thread: need.id,
      deed: "createReferral",
      input: {
        needId: need.id,
        toOrganizationId: to.organization,
        toStationId: to.station,
        lines: lines.map((lineId) => ({ lineId })),
        dataClasses: ["D1", ...said.classes],
        title: said.title.trim() || null,
        summary: said.summary.trim() || null,
        note: said.note.trim() || null,
      },
      about,
    });
    if (!drawn) return;
    const input = { id: OF_BEFORE, expectedVersion: 1 };
    await record({ thread: need.id, deed: "sendReferral", input, about, after: drawn.id });
    await draft.clear();
    go("/outbox");
  }

  const words = { title: "refer.title2", summary: "refer.summary", note: "refer.note" } as const;
  const text = (field: "title" | "summary" | "note", most: number, rows: number) => (
    <Field id={field} label={t("optional", { what: t(words[field]) })} hint={t("note.hint")}>
      <textarea
        id={field}
        rows={rows}
        maxLength={most}
        value={said[field]}
        onInput={(event) =>
          draft.set({ [field]: (event.currentTarget as HTMLTextAreaElement).value })
        }
      />
    </Field>
  );
  return (
    <Frame title={t("refer.title")} back={back}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <section class="card">
          <p class="line">
            <Urgency code={need.urgency} />
            <Badge tone="info">{tOf("state.Need", need.state)}</Badge>
            <span class="muted">{t(draft.safe ? "form.kept" : "form.keeping")}</span>
          </p>
          <h2 class="big">{title}</h2>
          {need.publicSummary && <p>{need.publicSummary}</p>}
        </section>
        <Section title={t("refer.to")}>
          <Field id="to" label={t("refer.receiver")} hint={receivers.length ? "" : t("refer.noReceivers")}>
            <select
              id="to"
              required
              value={said.to}
              onChange={(event) => draft.set({ to: (event.currentTarget as HTMLSelectElement).value })}
            >
              <option value="">{t("choose")}</option>
              {KINDS.map((kind) => (
                <optgroup key={kind} label={t(`refer.kind.${kind}`)}>
                  {receivers
                    .filter((one) => one.kind === kind)
                    .map((one) => (
                      <option key={one.key} value={one.key}>
                        {one.name}
                      </option>
                    ))}
                </optgroup>
              ))}
            </select>
          </Field>
        </Section>
        <Section title={t("referral.lines")}>
          <div class="choices">
            {need.lines.nodes.map((line) => (
              <label key={line.id}>
                <input
                  type="checkbox"
                  checked={lines.includes(line.id)}
                  onChange={(event) => {
                    const wanted = (event.currentTarget as HTMLInputElement).checked;
                    const left = lines.filter((one) => one !== line.id);
                    draft.set({ lines: wanted ? [...left, line.id] : left });
                  }}
                />
                <span>
                  {line.item || tOf("needKind", line.kind)}{" "}
                  <span class="number">{amount(line.quantityRequired, line.unit)}</span>
                </span>
              </label>
            ))}
          </div>
        </Section>
        <Section title={t("referral.package")}>
          <div class="stack">
            <p class="muted">{t("refer.always")}</p>
            {consent && (
              <Facts of={[["refer.consent", t("refer.until", { day: consent.expiresOn })]]} />
            )}
            {consent === undefined && <p class="muted">{t("refer.consentLater")}</p>}
            {consent === null && <p class="notice warn">{t("refer.noConsent")}</p>}
            <div class="choices">
              {open.map((code) => (
                <label key={code}>
                  <input
                    type="checkbox"
                    checked={said.classes.includes(code)}
                    onChange={(event) => {
                      const wanted = (event.currentTarget as HTMLInputElement).checked;
                      const left = said.classes.filter((one) => one !== code);
                      draft.set({ classes: wanted ? [...left, code] : left });
                    }}
                  />
                  <span>{label("data_class", code)}</span>
                </label>
              ))}
            </div>
          </div>
        </Section>
        <Section title={t("refer.words")}>
          <div class="stack">
            {text("title", 100, 1)}
            {text("summary", 1000, 3)}
            {text("note", 1000, 2)}
          </div>
        </Section>
        <button class="main" disabled={!lines.length}>
          {t("refer.do")}
        </button>
      </form>
    </Frame>
  );
}
