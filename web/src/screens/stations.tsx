/** Choose the station whose work is shown. */
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { Unreachable } from "../api";
import { chooseStation, here, type Station } from "../desk";
import { Empty, Waiting } from "../parts/basics";
import { stations } from "../sync";
import { t, tOf } from "../words";

export default function Stations() {
  const [found, setFound] = useState<Station[]>();
  const [offline, setOffline] = useState(false);
  const [, go] = useLocation();
  useEffect(() => {
    stations().then(setFound, (error) => setOffline(error instanceof Unreachable));
  }, []);
  return (
    <main id="main" class="first">
      <div class="card">
        <h1>{t("stations.title")}</h1>
        <p class="muted">{t("stations.hello", { name: here().account.name })}</p>
        {offline && <p class="notice warn">{t("signIn.error.offline")}</p>}
        {!found && !offline && <Waiting />}
        {found?.length === 0 && <Empty word="stations.none" hint="stations.noneHint" />}
        <ul class="list">
          {found?.map((station) => (
            <li key={station.id}>
              <button
                type="button"
                class="row"
                onClick={() => void chooseStation(station).then(() => go("/", { replace: true }))}
              >
                <span class="grow">
                  <strong>{station.name}</strong>
                  <span class="muted">
                    {tOf("level", station.level)} · {station.area?.name} · {station.no}
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </main>
  );
}
