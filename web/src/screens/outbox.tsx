/** The outbox: every recorded thing with where it stands, and what to do about those that stand. */
import { carry, here } from "../desk";
import { Badge, Empty, Facts, Section, type Tone, Waiting } from "../parts/basics";
import { Deeds } from "../parts/deeds";
import { Frame } from "../parts/frame";
import type { Item } from "../outbox/rules";
import { useLive } from "../store/news";
import { rowOf, rowsOf } from "../store/base";
import type { FieldEdit, Household, Need, Referral, WorkItem } from "../sync";
import { moment, t, tOf, type Word } from "../words";

const TONES: Record<Item["state"], Tone> = {
  queued: "warn",
  sending: "info",
  failed: "warn",
  conflict: "bad",
  rejected: "bad",
  done: "good",
};

interface Now {
  version: number;
  state?: string;
  type: string;
}

/** What the server last told of the rows that items are about, by id. */
async function current(): Promise<Map<string, Now>> {
  const { base } = here();
  const found = new Map<string, Now>();
  for (const need of await rowsOf<Need>(base, "need")) {
    found.set(need.id, { version: need.version, state: need.state, type: "Need" });
    for (const { id, version, state } of need.pledges.nodes) {
      found.set(id, { version, state, type: "Pledge" });
    }
  }
  for (const { id, version, state } of await rowsOf<Referral>(base, "referral")) {
    found.set(id, { version, state, type: "Referral" });
  }
  for (const { node } of await rowsOf<WorkItem>(base, "work")) {
    if (node && "version" in node && !found.has(node.id)) {
      found.set(node.id, { version: node.version, type: node.__typename });
    }
  }
  return found;
}

/** The version to build upon: what was last synced, or what the refusal told, whichever is later. */
function versionNow(item: Item, now: Now | undefined): number {
  const told = (item.trouble?.details as { current?: number } | undefined)?.current;
  return Math.max(now?.version ?? 0, told ?? 0);
}

function reasonOf(item: Item): string {
  if (!item.trouble) return "";
  return tOf("error", item.trouble.code, t("error.other", { message: item.trouble.message }));
}

/** What was recorded here beside what the server has now. */
function Sides({ item, now }: { item: Item; now: Now | undefined }) {
  const said = Object.entries(item.input).filter(([name]) => !["id", "expectedVersion"].includes(name));
  return (
    <div class="sides">
      <div>
        <h3>{t("outbox.mine")}</h3>
        <p>{tOf("deed", item.deed)}</p>
        {said.map(([name, value]) => (
          <p key={name} class="muted">
            {tOf("said", name, name)}: {String(value)}
          </p>
        ))}
      </div>
      <div>
        <h3>{t("outbox.theirs")}</h3>
        <p>
          {now ? tOf(`state.${now.type}`, now.state ?? "", t("outbox.changed")) : t("outbox.notHere")}
        </p>
      </div>
    </div>
  );
}

function Entry({ item, now }: { item: Item; now: Now | undefined }) {
  const { outbox } = here();
  const stuck = item.state === "conflict" || item.state === "rejected";
  const base = versionNow(item, now);
  return (
    <li class="row still">
      <div class="grow">
        <p class="line">
          <Badge tone={TONES[item.state]}>{tOf("outbox.state", item.state)}</Badge>
          <span class="muted">{moment(item.createdAt)}</span>
        </p>
        <strong class="title">
          {tOf("deed", item.deed)} · {item.about.title}
        </strong>
        <Facts of={[["fact.no", item.about.no], ["fact.place", item.about.place]]} />
        {item.trouble && <p class={stuck ? "error" : "muted"}>{reasonOf(item)}</p>}
        {item.state === "conflict" && <Sides item={item} now={now} />}
        <div class="deeds">
          {item.state === "failed" && (
            <button type="button" onClick={() => void outbox.retry(item.id).then(() => carry())}>
              {t("outbox.retry")}
            </button>
          )}
          {item.state === "conflict" && base > 0 && (
            <button
              type="button"
              class="main"
              onClick={() => void outbox.insist(item.id, base).then(() => carry())}
            >
              {t("outbox.insist")}
            </button>
          )}
          {stuck && (
            <button type="button" onClick={() => void outbox.letGo(item.id)}>
              {t(item.state === "conflict" ? "outbox.letGo" : "outbox.dismiss")}
            </button>
          )}
        </div>
      </div>
    </li>
  );
}

type Kept = FieldEdit & { household: string };

/** Values that two devices entered into one field, and that nobody has settled yet. */
async function doubles(): Promise<Kept[]> {
  const { base } = here();
  const open = (await rowsOf<FieldEdit>(base, "FieldEdit")).filter(
    (edit) => edit.editState === "CONFLICTING",
  );
  return Promise.all(
    open.map(async (edit) => {
      const home = await rowOf<Household>(base, "Household", edit.householdId ?? "");
      return { ...edit, household: home?.no ?? "" };
    }),
  );
}

function valueOf(value: unknown): string {
  if (value === null || value === undefined) return t("value.none");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  const text = String(value);
  return tOf("option", text.toUpperCase(), tOf("visitKind", text.toUpperCase(), text));
}

function Double({ edit }: { edit: Kept }) {
  const field = tOf("field", edit.field.split(".")[0] ?? "", t("unknown"));
  return (
    <li class="row still">
      <div class="grow">
        <p class="line">
          <Badge tone="bad">{t("outbox.state.conflict")}</Badge>
          <span class="muted">{moment(edit.madeAt)}</span>
        </p>
        <strong class="title">
          {edit.household} · {field}
        </strong>
        <div class="sides">
          {(
            [
              ["double.stands", edit.before],
              ["double.late", edit.after],
            ] as [Word, unknown][]
          ).map(([word, value]) => (
            <div key={word}>
              <h3>{t(word)}</h3>
              <p>{valueOf(value)}</p>
            </div>
          ))}
        </div>
        <Deeds of={edit} about={{ no: edit.household, title: field }} />
      </div>
    </li>
  );
}

export default function OutboxScreen() {
  const found = useLive(async () => ({
    items: (await here().outbox.all()).reverse(),
    now: await current(),
    doubles: await doubles(),
  }));
  if (!found) return <Waiting />;
  const open = found.items.filter((item) => item.state !== "done");
  const done = found.items.filter((item) => item.state === "done");
  const list = (items: Item[]) => (
    <ul class="list">
      {items.map((item) => (
        <Entry key={item.id} item={item} now={found.now.get(item.about.subject)} />
      ))}
    </ul>
  );
  return (
    <Frame title={t("outbox.title")} back="/more">
      {open.length === 0 ? (
        <Empty word="outbox.none" hint="outbox.noneHint" />
      ) : (
        <Section title={t("outbox.open", { n: open.length })}>{list(open)}</Section>
      )}
      {found.doubles.length > 0 && (
        <Section title={t("double.title", { n: found.doubles.length })}>
          <p class="muted">{t("double.hint")}</p>
          <ul class="list">
            {found.doubles.map((edit) => (
              <Double key={edit.id} edit={edit} />
            ))}
          </ul>
        </Section>
      )}
      {done.length > 0 && <Section title={t("outbox.done", { n: done.length })}>{list(done)}</Section>}
    </Frame>
  );
}
