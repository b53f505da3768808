/** Volunteer tasks of one's own organization: the next first, each with how many come. */
import { here } from "../desk";
import { Badge, Empty, Row, type Tone, Waiting } from "../parts/basics";
import { Frame } from "../parts/frame";
import { rowsOf } from "../store/base";
import { useLive } from "../store/news";
import type { Task } from "../sync";
import { label, moment, t, tOf } from "../words";

export const TASK_TONES: Record<string, Tone> = {
  RECRUITING: "info",
  IN_PROGRESS: "good",
  ENDED: "warn",
};

/** When the codes of a task are shown, in milliseconds before its start and after its end. */
const AROUND = 2 * 3_600_000;

/** Whether its codes can be shown now. */
export function showsCodes(task: Task, now: number): boolean {
  return (
    task.allowedActions.includes("attendanceCode") &&
    task.checkInMode === "CODE" &&
    Date.parse(task.startsAt) - AROUND <= now &&
    now < Date.parse(task.endsAt) + AROUND
  );
}

function whyOf(task: Task): string {
  if (task.state === "ENDED") return t("task.whyEnded");
  if (task.state === "SUBMITTED") return t("task.whySubmitted");
  if (showsCodes(task, Date.now())) return t("task.whyNow");
  return t("task.whySoon", { at: moment(task.startsAt) });
}

export default function Tasks() {
  const found = useLive(() => rowsOf<Task>(here().base, "task"));
  if (!found) return <Waiting />;
  return (
    <Frame title={t("tasks.title")} back="/more">
      {found.length === 0 ? (
        <Empty word="tasks.none" hint="tasks.noneHint" />
      ) : (
        <section class="card">
          <ul class="list">
            {found.map((task) => {
              const places = task.positions.nodes;
              const taken = places.reduce((sum, one) => sum + one.taken, 0);
              const slots = places.reduce((sum, one) => sum + one.slots, 0);
              return (
                <Row key={task.id} to={`/tasks/${encodeURIComponent(task.id)}`}>
                  <p class="line">
                    <Badge tone={TASK_TONES[task.state] ?? "plain"}>
                      {tOf("state.VolunteerTask", task.state)}
                    </Badge>
                    <span class="muted">{moment(task.startsAt)}</span>
                  </p>
                  <strong class="title">{task.name}</strong>
                  <p class="muted">
                    {[
                      label("volunteer_category", task.category),
                      t("task.taken", { taken, slots }),
                      task.no,
                    ]
                      .filter(Boolean)
                      .join(" · ")}
                  </p>
                  <p class="why">{whyOf(task)}</p>
                </Row>
              );
            })}
          </ul>
        </section>
      )}
    </Frame>
  );
}
