/** Which screen is shown. The first is in the entry; the others come when they are asked for. */
import type { ComponentType, FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Redirect, Route, Router, Switch } from "wouter-preact";
import { CARRIED, here } from "./desk";
import { Waiting } from "./parts/basics";
import { SignIn } from "./screens/signIn";
import { Today } from "./screens/today";
import { useLive } from "./store/news";
import { nowIs } from "./store/status";
import { sync } from "./sync";

type Props = { params: Record<string, string | undefined> };

/** A screen whose code is fetched when it is first shown. */
function later(load: () => Promise<{ default: ComponentType<Props> }>): FunctionComponent<Props> {
  let known: ComponentType<Props> | null = null;
  return function Later(props) {
    const [Screen, setScreen] = useState<ComponentType<Props> | null>(() => known);
    useEffect(() => {
      if (!known) {
        void load().then((module) => {
          known = module.default;
          setScreen(() => known);
        });
      }
    }, []);
    return Screen ? <Screen {...props} /> : <Waiting />;
  };
}

const Stations = later(() => import("./screens/stations"));
const Inbox = later(() => import("./screens/inbox"));
const ReferralFile = later(() => import("./screens/referral"));
const Needs = later(() => import("./screens/needs"));
const NeedFile = later(() => import("./screens/need"));
const Cases = later(() => import("./screens/cases"));
const CaseFile = later(() => import("./screens/case"));
const Assess = later(() => import("./screens/assess"));
const VisitForm = later(() => import("./screens/visit"));
const OutboxScreen = later(() => import("./screens/outbox"));
const SettingsScreen = later(() => import("./screens/settings"));
const More = later(() => import("./screens/more"));
const Tasks = later(() => import("./screens/tasks"));
const TaskFile = later(() => import("./screens/task"));
const Attend = later(() => import("./screens/attend"));
const Contracts = later(() => import("./screens/contracts"));
const Papers = later(() => import("./screens/papers"));
const Imports = later(() => import("./screens/imports"));
const Refer = later(() => import("./screens/refer"));

const EVERY = 60_000;

export function App({ known }: { known: boolean }) {
  const [open, setOpen] = useState(known);
  // A volunteer who has read a station's code has no desk here, and needs none.
  if (location.pathname === "/station/attend") return <Attend params={{}} />;
  if (!open) {
    return <SignIn onDone={() => setOpen(true)} />;
  }
  return <Screens />;
}

function Screens() {
  const station = useLive(async () => here().station?.id ?? "");
  useEffect(() => {
    const again = () => {
      if (document.visibilityState === "visible") void sync();
    };
    const online = () => {
      nowIs({ reachable: true });
      again();
    };
    const offline = () => nowIs({ reachable: false });
    again();
    const timer = setInterval(again, EVERY);
    window.addEventListener("online", online);
    window.addEventListener("offline", offline);
    window.addEventListener(CARRIED, again);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", online);
      window.removeEventListener("offline", offline);
      window.removeEventListener(CARRIED, again);
      document.removeEventListener("visibilitychange", again);
    };
  }, [station]);
  if (station === undefined) return <Waiting />;
  return (
    <Router base="/station">
      <Switch>
        {!station && <Route component={Stations} />}
        <Route path="/" component={Today} />
        <Route path="/stations" component={Stations} />
        <Route path="/inbox" component={Inbox} />
        <Route path="/inbox/:id" component={ReferralFile} />
        <Route path="/needs" component={Needs} />
        <Route path="/needs/:id" component={NeedFile} />
        <Route path="/needs/:id/refer" component={Refer} />
        <Route path="/cases" component={Cases} />
        <Route path="/cases/:id" component={CaseFile} />
        <Route path="/cases/:id/assess" component={Assess} />
        <Route path="/cases/:caseId/visit" component={VisitForm} />
        <Route path="/visits/:id" component={VisitForm} />
        <Route path="/tasks" component={Tasks} />
        <Route path="/contracts" component={Contracts} />
        <Route path="/papers" component={Papers} />
        <Route path="/import" component={Imports} />
        <Route path="/tasks/:id" component={TaskFile} />
        <Route path="/outbox" component={OutboxScreen} />
        <Route path="/settings" component={SettingsScreen} />
        <Route path="/more" component={More} />
        <Route>{() => <Redirect to="/" replace />}</Route>
      </Switch>
    </Router>
  );
}
