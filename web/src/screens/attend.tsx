/** A volunteer's telephone after the station's code was read: come, and go.

It works online only: a code is good for two minutes, and the server says whether it is. */
import { useEffect, useState } from "preact/hooks";
import { ask, SignedOut, Unreachable } from "../api";
import { send } from "../deeds";
import { forgetOthers } from "../desk";
import * as gql from "../gql/graphql";
import { SignInForm } from "../parts/again";
import { Facts, Icon } from "../parts/basics";
import { whoAmI } from "../sync";
import { clock, moment, t, tOf } from "../words";

type Task = gql.AttendQuery["volunteerTasks"]["nodes"][number];

interface Read {
  no: string;
  way: "in" | "out";
  code: string;
}

/** What the code says; null for any other. */
function readCode(text: string): Read | null {
  const found = /^NEXUS-ATTEND:([^:]+):(in|out):(\d{8})$/.exec(decodeURIComponent(text));
  if (!found) return null;
  const [, no = "", way, code = ""] = found;
  return { no, way: way as Read["way"], code };
}

async function taskOf(no: string): Promise<Task | null> {
  return (await ask(gql.AttendDocument, { no })).volunteerTasks.nodes[0] ?? null;
}

/** Signs in or out by the code; the sentence to show. Sent again, it has one effect: the key. */
async function attend(read: Read, task: Task, key: string): Promise<{ done: boolean; says: string }> {
  const open = task.checkIns.nodes.find((one) => one.state === "OPEN");
  const given = { code: read.code, idempotencyKey: key };
  if (read.way === "out" && !open) return { done: false, says: t("attend.notIn") };
  const outcome =
    read.way === "in"
      ? await send("checkIn", { taskId: task.id, ...given })
      : await send("checkOut", { id: open?.id, expectedVersion: open?.version, ...given });
  if (outcome.kind === "done") return { done: true, says: t(`attend.done.${read.way}`) };
  if (outcome.kind === "unreachable") return { done: false, says: t("attend.offline") };
  if (outcome.kind === "signedOut") throw new SignedOut();
  const { code, message } = outcome.trouble;
  return { done: false, says: tOf("attend.error", code, tOf("error", code, message)) };
}

export default function Attend() {
  const [read] = useState(() => readCode(location.hash.slice(1)));
  const [key] = useState(() => crypto.randomUUID());
  const [signedIn, setSignedIn] = useState<boolean>();
  const [task, setTask] = useState<Task | null>();
  const [said, setSaid] = useState<{ done: boolean; says: string }>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    void whoAmI().then(
      (account) => setSignedIn(account?.role === "VOLUNTEER"),
      (error: unknown) => {
        setSignedIn(false);
        if (error instanceof Unreachable) setSaid({ done: false, says: t("attend.offline") });
      },
    );
  }, []);
  useEffect(() => {
    if (signedIn && read) {
      void taskOf(read.no).then(setTask, () => setSaid({ done: false, says: t("attend.offline") }));
    }
  }, [signedIn]);

  async function go() {
    if (!read || !task) return;
    setBusy(true);
    try {
      const outcome = await attend(read, task, key);
      setSaid(outcome);
      if (outcome.done) setTask(await taskOf(read.no));
    } catch (error) {
      if (error instanceof SignedOut) setSignedIn(false);
      else setSaid({ done: false, says: t("attend.offline") });
    } finally {
      setBusy(false);
    }
  }

  const mine = task?.checkIns.nodes[0];
  return (
    <main id="main" class="first">
      <div class="card stack">
        <p class="brand">
          <span class="mark" aria-hidden="true">
            <Icon name="station" />
          </span>
          {t("app.name")}
        </p>
        <h1>{read ? t(`attend.title.${read.way}`) : t("attend.title")}</h1>
        {!read && <p class="notice warn">{t("attend.noCode")}</p>}
        {read && signedIn === false && (
          <>
            <p>{t("attend.signIn")}</p>
            <SignInForm
              onDone={(account) => {
                forgetOthers(account.id);
                setSignedIn(true);
              }}
            />
          </>
        )}
        {read && signedIn && task === null && <p class="notice warn">{t("attend.noTask")}</p>}
        {read && signedIn && task && (
          <>
            <h2 class="big">{task.name}</h2>
            <Facts
              of={[
                ["fact.no", task.no],
                ["fact.organization", task.organization?.name],
                ["fact.place", task.place],
                [
                  "fact.time",
                  t("task.period", { from: moment(task.startsAt), to: moment(task.endsAt) }),
                ],
                ["attend.in", mine && clock(mine.checkedInAt)],
                ["attend.out", mine?.checkedOutAt && clock(mine.checkedOutAt)],
              ]}
            />
          </>
        )}
        {said && (
          <p class={said.done ? "notice good" : "notice warn"} role="alert">
            {said.says}
          </p>
        )}
        {read && signedIn && task && !said?.done && (
          <button type="button" class="main" disabled={busy} onClick={() => void go()}>
            {t(`attend.do.${read.way}`)}
          </button>
        )}
        <p class="muted">{t("attend.hint")}</p>
      </div>
    </main>
  );
}
