/** Questions that come as data: yes or no, one of several, a number, a text. */
import { spoken, t } from "../words";
import { Field } from "./basics";

export interface Asked {
  code: string;
  label: string;
  kind: "yes_no" | "choice" | "number" | "text";
  required: boolean;
  options: { value: string; text: string }[];
  wrong?: string | undefined;
}

interface Props {
  of: Asked;
  value: unknown;
  onChange: (value: unknown) => void;
}

/** In English where it is spoken and there, else in Chinese. */
export function said(zh: string, en: string | undefined): string {
  return spoken() === "en" && en ? en : zh;
}

export function QuestionOf({ of, value, onChange }: Props) {
  const id = `q-${of.code}`;
  if (of.kind === "yes_no" || of.kind === "choice") {
    const options =
      of.kind === "choice"
        ? of.options.map(({ value: one, text }) => [one, text] as const)
        : ([
            [true, t("yes")],
            [false, t("no")],
          ] as const);
    return (
      <fieldset class={of.wrong ? "field wrong" : "field"} id={id}>
        <legend>{of.required ? of.label : t("optional", { what: of.label })}</legend>
        <div class="choices">
          {options.map(([one, text]) => (
            <label key={String(one)}>
              <input type="radio" name={id} checked={value === one} onChange={() => onChange(one)} />
              <span>{text}</span>
            </label>
          ))}
        </div>
        {of.wrong && <p class="error">{of.wrong}</p>}
      </fieldset>
    );
  }
  const label = of.required ? of.label : t("optional", { what: of.label });
  return (
    <Field id={id} label={label} error={of.wrong}>
      {of.kind === "number" ? (
        <input
          id={id}
          type="number"
          inputMode="numeric"
          min={0}
          value={value === undefined ? "" : String(value)}
          onInput={(event) => {
            const text = (event.currentTarget as HTMLInputElement).value;
            onChange(text === "" ? undefined : Number(text));
          }}
        />
      ) : (
        <textarea
          id={id}
          rows={3}
          value={String(value ?? "")}
          onInput={(event) =>
            onChange((event.currentTarget as HTMLTextAreaElement).value || undefined)
          }
        />
      )}
    </Field>
  );
}
