/** Settings: language, text size, storage, the account, and leaving. */
import { useState } from "preact/hooks";
import { here, leave } from "../desk";
import { Facts, Section } from "../parts/basics";
import { Frame } from "../parts/frame";
import { Looks } from "../parts/looks";
import { useLive } from "../store/news";
import { t, tOf } from "../words";

async function storage(): Promise<{ used: string; safe: boolean }> {
  const { usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  const safe = (await navigator.storage?.persisted?.()) ?? false;
  return { used: `${(usage / 1_048_576).toFixed(1)} MB`, safe };
}

export default function SettingsScreen() {
  const [refused, setRefused] = useState(false);
  const kept = useLive(storage);
  const { account } = here();

  async function go() {
    if (await leave()) location.assign("/station/");
    else setRefused(true);
  }

  return (
    <Frame title={t("settings.title")} back="/more">
      <section class="card">
        <Looks />
      </section>
      <Section title={t("settings.storage")}>
        <Facts
          of={[
            ["settings.used", kept?.used],
            ["settings.kept", kept && t(kept.safe ? "settings.safe" : "settings.unsafe")],
          ]}
        />
        {kept && !kept.safe && (
          <button type="button" onClick={() => void navigator.storage?.persist?.()}>
            {t("settings.persist")}
          </button>
        )}
      </Section>
      <Section title={t("settings.account")}>
        <Facts
          of={[
            ["fact.name", account.name],
            ["fact.username", account.username],
            ["fact.role", tOf("role", account.role)],
            ["fact.organization", account.organization?.name],
            ["fact.area", account.area?.name],
          ]}
        />
        {refused && (
          <p class="notice bad" role="alert">
            {t("settings.refused")}
          </p>
        )}
        <button type="button" class="danger" onClick={() => void go()}>
          {t("settings.leave")}
        </button>
      </Section>
    </Frame>
  );
}
