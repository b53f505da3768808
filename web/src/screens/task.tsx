/** One volunteer task: its code for the screen of the station, who signed up, who is there. */
import { useEffect, useState } from "preact/hooks";
import { ask, Unreachable } from "../api";
import { here } from "../desk";
import * as gql from "../gql/graphql";
import { Badge, Empty, Facts, Section, Waiting } from "../parts/basics";
import { Deeds } from "../parts/deeds";
import { Frame } from "../parts/frame";
import { replaceRows, rowOf, rowsOf } from "../store/base";
import { changed, useLive } from "../store/news";
import type { Task } from "../sync";
import { clock, label, moment, t, tOf } from "../words";
import { showsCodes, TASK_TONES } from "./tasks";

type People = { signups: gql.TaskPeopleQuery["signups"]["nodes"]; checkIns: CheckIn[] };
type CheckIn = gql.TaskPeopleQuery["volunteerTasks"]["nodes"][number]["checkIns"]["nodes"][number];
type Way = "in" | "out";

interface Shown {
  in: string;
  out: string;
  code: Record<Way, string>;
  until: number;
}

/** The codes of this minute, as pictures that lead a volunteer's telephone to the page of this nexus. */
async function codes(taskId: string): Promise<Shown | string> {
  const page = `${location.origin}/station/attend`;
  const { deed } = await ask(gql.AttendanceCodeDocument, { input: { taskId, page } });
  if (!deed || "code" in deed) return deed ? tOf("error", deed.code, deed.message) : t("unknown");
  return {
    in: deed.signInQr,
    out: deed.signOutQr,
    code: { in: deed.signIn, out: deed.signOut },
    until: Date.parse(deed.changesAt),
  };
}

/** The code of this minute as a picture; a new one comes by itself. */
function Codes({ task }: { task: Task }) {
  const [way, setWay] = useState<Way>("in");
  const [shown, setShown] = useState<Shown>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let current = true;
    async function next() {
      let wait = 5_000;
      try {
        const found = await codes(task.id);
        if (!current) return;
        setTrouble(typeof found === "string" ? found : "");
        if (typeof found !== "string") {
          setShown(found);
          wait = Math.max(1_000, found.until - Date.now());
        }
      } catch (error) {
        if (current) setTrouble(error instanceof Unreachable ? t("task.codeOffline") : String(error));
      }
      if (current) timer = setTimeout(() => void next(), wait);
    }
    void next();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [task.id]);
  return (
    <Section title={t("task.code")}>
      <div class="chips" role="group" aria-label={t("task.code")}>
        {(["in", "out"] as Way[]).map((one) => (
          <button key={one} type="button" aria-pressed={way === one} onClick={() => setWay(one)}>
            {t(`task.way.${one}`)}
          </button>
        ))}
      </div>
      {trouble && <p class="notice warn">{trouble}</p>}
      {shown && !trouble && (
        <figure class="qr">
          <img
            alt={t("task.qr", { way: t(`task.way.${way}`) })}
            src={`data:image/svg+xml,${encodeURIComponent(shown[way])}`}
          />
          <figcaption>
            <strong class="number">{shown.code[way]}</strong>
            <span class="muted">{t("task.codeUntil", { at: clock(shown.until) })}</span>
          </figcaption>
        </figure>
      )}
      <p class="muted">{t("task.codeHint")}</p>
    </Section>
  );
}

/** Fetches who signed up and who is there, and keeps it for the time without signal. */
async function fetchPeople(task: Task): Promise<void> {
  const found = await ask(gql.TaskPeopleDocument, { no: task.no, task: task.id });
  const data: People = {
    signups: found.signups.nodes,
    checkIns: found.volunteerTasks.nodes[0]?.checkIns.nodes ?? [],
  };
  await replaceRows(here().base, `people ${task.id}`, [{ id: task.id, data }], Date.now());
  changed();
}

function Comings({ of }: { of: CheckIn[] }) {
  if (!of.length) return <p class="muted">{t("task.nobody")}</p>;
  return (
    <ul class="list">
      {of.map((one) => (
        <li key={one.id} class="row still">
          <span class="grow">
            <strong>{one.volunteer?.no ?? t("task.volunteer")}</strong>
            <span class="muted">
              {clock(one.checkedInAt)}
              {one.checkedOutAt && ` – ${clock(one.checkedOutAt)}`}
            </span>
          </span>
          <Badge tone={one.state === "OPEN" ? "good" : "plain"}>{tOf("state.CheckIn", one.state)}</Badge>
        </li>
      ))}
    </ul>
  );
}

function Signups({ of, task }: { of: People["signups"]; task: Task }) {
  if (!of.length) return <p class="muted">{t("task.noSignups")}</p>;
  return (
    <ul class="list">
      {of.map((one) => (
        <li key={one.id} class="row still">
          <div class="grow">
            <p class="line">
              <strong>{one.volunteer?.no ?? t("task.volunteer")}</strong>
              <Badge tone={one.state === "WAITLISTED" ? "warn" : "plain"}>
                {tOf("state.Signup", one.state)}
              </Badge>
            </p>
            <span class="muted">{one.position?.role}</span>
            <Deeds of={one} about={{ no: task.no, title: task.name }} />
          </div>
        </li>
      ))}
    </ul>
  );
}

export default function TaskFile({ params }: { params: Record<string, string | undefined> }) {
  const id = decodeURIComponent(params["id"] ?? "");
  const task = useLive(
    async () => (await rowsOf<Task>(here().base, "task")).find((one) => one.id === id) ?? null,
    [id],
  );
  const people = useLive(() => rowOf<People>(here().base, `people ${id}`, id), [id]);
  useEffect(() => {
    if (!task) return;
    const again = () => void fetchPeople(task).catch(() => undefined);
    again();
    const timer = setInterval(again, 15_000);
    return () => clearInterval(timer);
  }, [task?.id, task?.version]);
  if (task === undefined) return <Waiting />;
  if (task === null) {
    return (
      <Frame title={t("task.title")} back="/tasks">
        <Empty word="gone" hint="goneHint" />
      </Frame>
    );
  }
  const about = { no: task.no, title: task.name, place: task.area?.name ?? "" };
  return (
    <Frame title={t("task.title")} back="/tasks" actions={<Deeds of={task} about={about} />}>
      <section class="card">
        <p class="line">
          <Badge tone={TASK_TONES[task.state] ?? "plain"}>
            {tOf("state.VolunteerTask", task.state)}
          </Badge>
          {task.insured && <Badge tone="good">{t("task.insured")}</Badge>}
        </p>
        <h2 class="big">{task.name}</h2>
        {task.summary && <p>{task.summary}</p>}
        <Facts
          of={[
            ["fact.no", task.no],
            ["fact.category", label("volunteer_category", task.category)],
            ["fact.place", task.place],
            ["fact.time", t("task.period", { from: moment(task.startsAt), to: moment(task.endsAt) })],
            ...task.positions.nodes.map(
              (one) =>
                [
                  "fact.position",
                  `${one.role} · ${t("task.taken", { taken: one.taken, slots: one.slots })}`,
                ] as ["fact.position", string],
            ),
          ]}
        />
      </section>
      {showsCodes(task, Date.now()) && <Codes task={task} />}
      <Section title={t("task.there")}>
        <Comings of={people?.checkIns ?? []} />
      </Section>
      <Section title={t("task.signups")}>
        <Signups of={people?.signups ?? []} task={task} />
      </Section>
    </Frame>
  );
}
