/** The ways to what has no place in the bar. */
import { Row } from "../parts/basics";
import { Frame } from "../parts/frame";
import { t, type Word } from "../words";

const WAYS: [string, Word, Word][] = [
  ["/outbox", "outbox.title", "more.outbox"],
  ["/tasks", "tasks.title", "more.tasks"],
  ["/contracts", "contracts.title", "more.contracts"],
  ["/import", "import.title", "more.import"],
  ["/papers", "papers.title", "more.papers"],
  ["/stations", "stations.title", "more.stations"],
  ["/settings", "settings.title", "more.settings"],
];

export default function More() {
  return (
    <Frame title={t("nav.more")}>
      <section class="card">
        <ul class="list">
          {WAYS.map(([to, title, hint]) => (
            <Row key={to} to={to}>
              <strong class="title">{t(title)}</strong>
              <p class="muted">{t(hint)}</p>
            </Row>
          ))}
        </ul>
      </section>
    </Frame>
  );
}
