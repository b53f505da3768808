/** Excel import: tried first, seen, then done; what was refused comes back as a sheet with reasons. */
import { useState } from "preact/hooks";
import { ask } from "../api";
import { here } from "../desk";
import * as gql from "../gql/graphql";
import { Badge, Empty, Facts, Field, Section } from "../parts/basics";
import { Frame } from "../parts/frame";
import { label, t, tOf } from "../words";

type Run = Extract<NonNullable<gql.ImportRunQuery["node"]>, { rowsRead: unknown }>;

interface Seen {
  row?: number;
  key?: string;
  outcome?: string;
  area?: string;
  category?: string;
  items?: string[] | string;
}

const KINDS = { TOWNSHIP_NEEDS: "NEEDS", RECOGNITIONS: "RECOGNITIONS", HOTLINE_TICKETS: "TICKETS" } as const;
type Profile = keyof typeof KINDS;
const GOVERNMENT = ["GOV_CLERK", "GOV_APPROVER", "GOV_COORDINATOR", "PLATFORM_ADMIN"];
const PATIENCE = 240;

/** What this account may import. */
function profiles(): Profile[] {
  const { role } = here().account;
  if (GOVERNMENT.includes(role)) return ["TOWNSHIP_NEEDS", "RECOGNITIONS", "HOTLINE_TICKETS"];
  return role === "STATION_LEAD" ? ["TOWNSHIP_NEEDS"] : [];
}

/** The refusal's words, thrown. */
class Refused extends Error {}

function made<T extends { __typename: string }>(deed: T | null | undefined): Exclude<T, { code: string }> {
  if (!deed) throw new Refused(t("unknown"));
  if ("code" in deed) {
    const { code, message } = deed as unknown as { code: string; message: string };
    throw new Refused(tOf("error", code, message));
  }
  return deed as Exclude<T, { code: string }>;
}

/** Puts the file on the server; its id there. */
async function upload(file: File): Promise<string> {
  const input = { fileName: file.name, idempotencyKey: crypto.randomUUID() };
  const place = made((await ask(gql.RequestUploadDocument, { input })).deed);
  if (file.size > place.maxBytes) throw new Refused(t("import.large", { n: place.maxBytes >> 20 }));
  const answer = await fetch(place.url ?? "", {
    method: "PUT",
    body: file,
    headers: { "Content-Type": place.contentType },
  });
  if (!answer.ok) throw new Refused(t("import.notSent"));
  return place.id;
}

/** Runs the import and waits for its end. */
async function run(uploadId: string, profile: Profile, dryRun: boolean): Promise<Run> {
  const input = {
    uploadId,
    kind: KINDS[profile],
    profile: { builtin: profile } as gql.ImportProfileInput,
    dryRun,
    idempotencyKey: crypto.randomUUID(),
  };
  const { id } = made((await ask(gql.ImportUploadedDocument, { input })).deed);
  for (let turn = 0; turn < PATIENCE; turn += 1) {
    const { node } = await ask(gql.ImportRunDocument, { id });
    const found = node && "rowsRead" in node ? (node as Run) : null;
    if (found && ["DONE", "FAILED"].includes(found.state)) return found;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Refused(t("import.slow"));
}

const TONES = { created: "good", updated: "info", unchanged: "plain", duplicate: "warn", rejected: "bad" } as const;

function Outcome({ of }: { of: Run }) {
  const rows = (Array.isArray(of.preview) ? of.preview : []) as Seen[];
  return (
    <Section title={t(of.dryRun ? "import.tried" : "import.done")}>
      {of.state === "FAILED" ? (
        <p class="notice bad" role="alert">
          {tOf("import.failure", of.failure ?? "", of.failureMessage ?? t("unknown"))}
        </p>
      ) : (
        <p class={of.rejected ? "notice warn" : "notice good"} role="status">
          {t("import.sum", { read: of.rowsRead ?? 0, rejected: of.rejected ?? 0 })}
        </p>
      )}
      <Facts
        of={[
          ["import.created", of.created],
          ["import.updated", of.updated],
          ["import.unchanged", of.unchanged],
          ["import.duplicates", of.duplicates],
          ["import.rejected", of.rejected],
        ]}
      />
      {of.problemsSheetUrl && (
        <p>
          <a class="button" href={of.problemsSheetUrl} download>
            {t("import.sheet")}
          </a>
        </p>
      )}
      {rows.length > 0 && (
        <>
          <h3>{t("import.preview", { n: rows.length })}</h3>
          <ul class="list">
            {rows.map((one) => (
              <li key={`${one.row} ${one.key}`} class="row still">
                <span class="grow">
                  <strong>{t("import.row", { n: one.row ?? 0 })}</strong>
                  <span class="muted">
                    {[
                      one.key,
                      label("need_category", one.category),
                      Array.isArray(one.items) ? one.items.join("、") : one.items,
                    ]
                      .filter(Boolean)
                      .join(" · ")}
                  </span>
                </span>
                <Badge tone={TONES[(one.outcome ?? "") as keyof typeof TONES] ?? "plain"}>
                  {tOf("import.outcome", one.outcome ?? "")}
                </Badge>
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

export default function Imports() {
  const open = profiles();
  const [profile, setProfile] = useState<Profile>(open[0] ?? "TOWNSHIP_NEEDS");
  const [file, setFile] = useState<File | null>(null);
  const [uploaded, setUploaded] = useState("");
  const [result, setResult] = useState<Run | null>(null);
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);

  async function go(dryRun: boolean) {
    if (!file) return;
    setBusy(true);
    setTrouble("");
    try {
      const id = dryRun ? await upload(file) : uploaded;
      setUploaded(id);
      setResult(await run(id, profile, dryRun));
    } catch (error) {
      setTrouble(error instanceof Refused ? error.message : t("import.offline"));
    } finally {
      setBusy(false);
    }
  }

  if (!open.length) {
    return (
      <Frame title={t("import.title")} back="/more">
        <Empty word="import.notYours" hint="import.notYoursHint" />
      </Frame>
    );
  }
  const tried = result?.dryRun && result.state === "DONE";
  const good = tried && (result.created ?? 0) + (result.updated ?? 0) > 0;
  return (
    <Frame title={t("import.title")} back="/more">
      <Section title={t("import.file")}>
        <div class="stack">
          <p class="muted">{t("import.hint")}</p>
          <Field id="profile" label={t("import.what")}>
            <select
              id="profile"
              value={profile}
              onChange={(event) => setProfile((event.currentTarget as HTMLSelectElement).value as Profile)}
            >
              {open.map((one) => (
                <option key={one} value={one}>
                  {tOf("import.profile", one)}
                </option>
              ))}
            </select>
          </Field>
          <Field id="sheet" label={t("import.choose")}>
            <input
              id="sheet"
              type="file"
              accept=".xlsx,.csv"
              onChange={(event) => {
                setFile((event.currentTarget as HTMLInputElement).files?.[0] ?? null);
                setResult(null);
                setTrouble("");
              }}
            />
          </Field>
          {trouble && (
            <p class="notice bad" role="alert">
              {trouble}
            </p>
          )}
          <div class="deeds">
            <button type="button" class={good ? "" : "main"} disabled={!file || busy} onClick={() => void go(true)}>
              {t(busy ? "import.busy" : "import.try")}
            </button>
            {good && (
              <button type="button" class="main" disabled={busy} onClick={() => void go(false)}>
                {t("import.commit")}
              </button>
            )}
          </div>
        </div>
      </Section>
      {result && <Outcome of={result} />}
    </Frame>
  );
}
