/** Language and text size, on the first screen and in the settings. */
import { useState } from "preact/hooks";
import { choose, settings, type Settings } from "../store/settings";
import { LANGUAGES, t } from "../words";

const NAMES = { "zh-CN": "简体中文", "zh-Hant": "繁體中文", en: "English" } as const;

export function Looks() {
  const [now, setNow] = useState(settings());
  function change(wanted: Partial<Settings>) {
    setNow(choose(wanted));
    if (wanted.size) document.documentElement.dataset["size"] = wanted.size;
    if (wanted.language) location.reload();
  }
  return (
    <div class="looks">
      <fieldset>
        <legend>{t("settings.language")}</legend>
        <div class="choices">
          {LANGUAGES.map((one) => (
            <label key={one} lang={one}>
              <input
                type="radio"
                name="language"
                checked={now.language === one}
                onChange={() => change({ language: one })}
              />
              <span>{NAMES[one]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <fieldset>
        <legend>{t("settings.size")}</legend>
        <div class="choices">
          {(["normal", "large"] as const).map((one) => (
            <label key={one}>
              <input
                type="radio"
                name="size"
                checked={now.size === one}
                onChange={() => change({ size: one })}
              />
              <span>{t(`settings.size.${one}`)}</span>
            </label>
          ))}
        </div>
      </fieldset>
    </div>
  );
}
