/** Today: what waits for me, the most urgent first, by place; each says why it is here. */
import { useState } from "preact/hooks";
import { here } from "../desk";
import { Badge, Empty, Row, Urgency, Waiting } from "../parts/basics";
import { Deeds, type Subject } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { useLive } from "../store/news";
import { rowsOf } from "../store/base";
import type { WorkItem } from "../sync";
import { amount, day, fullDay, t, tOf } from "../words";

type Node = NonNullable<WorkItem["node"]>;

/** Where the work is, as far as it is told. */
function placeOf(node: Node | null | undefined): string {
  if (!node) return "";
  if ("household" in node && node.household) return node.household.area?.name ?? "";
  if ("need" in node && node.need) return node.need.area?.name ?? node.need.shownArea?.name ?? "";
  if ("area" in node && node.area) return node.area.name;
  if ("shownArea" in node && node.shownArea) return node.shownArea.name;
  return "";
}

function titleOf(node: Node | null | undefined): string {
  if (!node) return "";
  if ("title" in node && node.title) return node.title;
  if ("need" in node && node.need?.title) return node.need.title;
  if (node.__typename === "DiscoveryReport") return node.situation ?? "";
  if (node.__typename === "Feedback") return node.text ?? "";
  return "";
}

function detailOf(node: Node | null | undefined): string {
  if (node?.__typename === "Pledge") {
    return [node.organization?.name, amount(node.quantity, node.line?.unit ?? "")]
      .filter(Boolean)
      .join(" · ");
  }
  if (node?.__typename === "Visit") return node.household?.no ?? "";
  if (node?.__typename === "Delivery") {
    const unit = node.pledge?.line?.unit ?? "";
    return [node.organization?.name, amount(node.quantity, unit), day(node.deliveredOn)]
      .filter(Boolean)
      .join(" · ");
  }
  return "";
}

/** From when until when it can be done. */
function windowOf(item: WorkItem): string {
  if (!item.dueAt) return t("today.noDue");
  const from = Math.max(Date.parse(item.sinceAt), Date.now());
  const words = item.overdue ? "today.late" : "today.window";
  return t(words, { from: day(from), to: day(item.dueAt) });
}

function leadsTo(node: Node | null | undefined): string | null {
  if (node?.__typename === "Need") return `/needs/${encodeURIComponent(node.id)}`;
  if (node?.__typename === "Visit" && node.allowedActions.includes("performVisit")) {
    return `/visits/${encodeURIComponent(node.id)}`;
  }
  if (node?.__typename === "Case") return `/cases/${encodeURIComponent(node.id)}`;
  if (node?.__typename === "CasePlan" && node.case) {
    return `/cases/${encodeURIComponent(node.case.id)}`;
  }
  if (node?.__typename === "Referral") return `/inbox/${encodeURIComponent(node.id)}`;
  return null;
}

function Item({ item }: { item: WorkItem }) {
  const { node } = item;
  const to = leadsTo(node);
  const title = titleOf(node) || tOf("kindShort", item.kind, tOf("kind", item.kind, item.sentence));
  const body = (
    <>
      <p class="line">
        <Urgency code={item.urgency} />
        {item.overdue && <Badge tone="bad">{t("today.overdue")}</Badge>}
        <span class="muted">{windowOf(item)}</span>
      </p>
      <strong class="title">{title}</strong>
      <p class="muted">
        {[detailOf(node), item.no].filter(Boolean).join(" · ")}
      </p>
      <p class="why">{tOf("kind", item.kind, item.sentence)}</p>
    </>
  );
  const doable = node && "version" in node && "allowedActions" in node;
  if (to) return <Row to={to}>{body}</Row>;
  return (
    <li>
      <div class="row still">
        <div class="grow">
          {body}
          {doable && (
            <Deeds of={node as Subject} about={{ no: item.no ?? "", title, place: placeOf(node) }} />
          )}
        </div>
      </div>
    </li>
  );
}

export function Today() {
  const [kind, setKind] = useState("");
  const found = useLive(() => rowsOf<WorkItem>(here().base, "work"));
  if (!found) return <Waiting />;
  const kinds = [...new Set(found.map((item) => item.kind))];
  const shown = found.filter((item) => !kind || item.kind === kind);
  const places = new Map<string, WorkItem[]>();
  for (const item of shown) {
    const place = placeOf(item.node) || t("today.elsewhere");
    places.set(place, [...(places.get(place) ?? []), item]);
  }
  return (
    <Frame title={t("today.title")}>
      <p class="day">
        {fullDay(Date.now())}
        <span class="muted">{t("today.count", { n: found.length })}</span>
      </p>
      {kinds.length > 1 && (
        <div class="chips" role="group" aria-label={t("today.filter")}>
          <button type="button" aria-pressed={kind === ""} onClick={() => setKind("")}>
            {t("all")} {found.length}
          </button>
          {kinds.map((one) => (
            <button key={one} type="button" aria-pressed={kind === one} onClick={() => setKind(one)}>
              {tOf("kindShort", one, tOf("kind", one))}{" "}
              {found.filter((item) => item.kind === one).length}
            </button>
          ))}
        </div>
      )}
      {!found.length && <Empty word="today.none" hint="today.noneHint" />}
      {[...places].map(([place, items]) => (
        <section key={place} class="card">
          <h2>
            {place} <span class="muted">{items.length}</span>
          </h2>
          <ul class="list">
            {items.map((item) => (
              <Item key={`${item.kind} ${item.no} ${item.node?.id}`} item={item} />
            ))}
          </ul>
        </section>
      ))}
    </Frame>
  );
}
