/** Photos and signatures of a form: taken, seen, taken away; the bytes are on the disk at once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { drawn, dropPicture, type Kept, keepPicture, MOST, pictureOf, shrunk, SIGNERS } from "../pictures";
import { t, tOf } from "../words";
import { Dialog, Field, Section } from "./basics";

interface Props {
  /** The form's key: what its pictures are kept under. */
  form: string;
  of: Kept[];
  onChange: (kept: Kept[]) => void;
}

function Thumbnail({ of }: { of: Kept }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    let made = "";
    void pictureOf(of.id).then((found) => {
      if (found) setUrl((made = URL.createObjectURL(found.blob)));
    });
    return () => URL.revokeObjectURL(made);
  }, [of.id]);
  return url ? <img src={url} alt={nameOf(of)} /> : <span />;
}

export function nameOf(of: { kind: string; signer: string | null }): string {
  return of.signer
    ? t("picture.signed", { who: tOf("signer", of.signer) })
    : tOf("pictureKind", of.kind);
}

/** A place to write on with a finger, a pen or a mouse. */
function Pad({ onDone, onClose }: { onDone: (blob: Blob, signer: string) => void; onClose: () => void }) {
  const own = useRef<HTMLCanvasElement>(null);
  const [signer, setSigner] = useState<string>(SIGNERS[0]);
  const [empty, setEmpty] = useState(true);
  useEffect(() => clear(), []);

  function clear() {
    const canvas = own.current;
    const ink = canvas?.getContext("2d");
    if (!canvas || !ink) return;
    canvas.width = 800;
    canvas.height = 360;
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, canvas.width, canvas.height);
    ink.lineWidth = 5;
    ink.lineCap = "round";
    ink.strokeStyle = "#111";
    setEmpty(true);
  }

  function at(event: PointerEvent): [number, number] {
    const canvas = own.current as HTMLCanvasElement;
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  }

  function begin(event: PointerEvent) {
    const ink = own.current?.getContext("2d");
    own.current?.setPointerCapture(event.pointerId);
    ink?.beginPath();
    ink?.moveTo(...at(event));
  }

  function go(event: PointerEvent) {
    if (!event.buttons) return;
    const ink = own.current?.getContext("2d");
    ink?.lineTo(...at(event));
    ink?.stroke();
    setEmpty(false);
  }

  async function done() {
    if (own.current) onDone(await drawn(own.current), signer);
  }

  return (
    <div class="stack">
      <Field id="signer" label={t("picture.who")}>
        <select
          id="signer"
          value={signer}
          onChange={(event) => setSigner((event.currentTarget as HTMLSelectElement).value)}
        >
          {SIGNERS.map((one) => (
            <option key={one} value={one}>
              {tOf("signer", one)}
            </option>
          ))}
        </select>
      </Field>
      <canvas
        ref={own}
        class="pad"
        role="img"
        aria-label={t("picture.pad")}
        onPointerDown={begin}
        onPointerMove={go}
      />
      <div class="pair">
        <button type="button" onClick={onClose}>
          {t("cancel")}
        </button>
        <button type="button" onClick={clear}>
          {t("picture.again")}
        </button>
        <button type="button" class="main" disabled={empty} onClick={() => void done()}>
          {t("save")}
        </button>
      </div>
    </div>
  );
}

export function Pictures({ form, of, onChange }: Props) {
  const [signing, setSigning] = useState(false);
  const [trouble, setTrouble] = useState("");
  const room = (kind: Kept["kind"]) => of.filter((one) => one.kind === kind).length < MOST[kind];

  async function take(input: HTMLInputElement) {
    const files = [...(input.files ?? [])];
    input.value = "";
    setTrouble("");
    let kept = of;
    for (const file of files) {
      if (kept.filter((one) => one.kind === "PHOTO").length >= MOST.PHOTO) {
        setTrouble(t("picture.most", { n: MOST.PHOTO }));
        break;
      }
      const blob = await shrunk(file).catch(() => null);
      const one = blob && (await keepPicture(blob, "PHOTO", null, form));
      if (one) kept = [...kept, one];
      else setTrouble(t(blob ? "safety.full" : "picture.unread"));
    }
    if (kept !== of) onChange(kept);
  }

  async function sign(blob: Blob, signer: string) {
    setSigning(false);
    const one = await keepPicture(blob, "SIGNATURE", signer, form);
    if (one) onChange([...of, one]);
    else setTrouble(t("safety.full"));
  }

  return (
    <Section title={t("picture.title")}>
      <div class="stack">
        <p class="muted">{t("picture.hint")}</p>
        {of.length > 0 && (
          <ul class="thumbs">
            {of.map((one) => (
              <li key={one.id}>
                <Thumbnail of={one} />
                <span class="small">{nameOf(one)}</span>
                <button
                  type="button"
                  aria-label={t("picture.drop", { what: nameOf(one) })}
                  onClick={() => {
                    onChange(of.filter((other) => other.id !== one.id));
                    void dropPicture(one.id);
                  }}
                >
                  {t("picture.remove")}
                </button>
              </li>
            ))}
          </ul>
        )}
        {trouble && (
          <p class="notice warn" role="alert">
            {trouble}
          </p>
        )}
        <div class="deeds">
          <label class="button file">
            {t("picture.take")}
            <input
              type="file"
              accept="image/*"
              multiple
              disabled={!room("PHOTO")}
              onChange={(event) => void take(event.currentTarget as HTMLInputElement)}
            />
          </label>
          <button type="button" disabled={!room("SIGNATURE")} onClick={() => setSigning(true)}>
            {t("picture.sign")}
          </button>
        </div>
      </div>
      <Dialog title={t("picture.sign")} open={signing} onClose={() => setSigning(false)}>
        <Pad onDone={(blob, signer) => void sign(blob, signer)} onClose={() => setSigning(false)} />
      </Dialog>
    </Section>
  );
}
