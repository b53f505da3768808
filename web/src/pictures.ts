/** Photos and signatures: made small, kept on the disk, sent apart from what was written. */
import { ask } from "./api";
import { told } from "./deeds";
import { here } from "./desk";
import { hashOf } from "./files";
import * as gql from "./gql/graphql";
import type { Item, Outcome } from "./outbox/rules";
import type { Base, Picture } from "./store/base";
import { changed } from "./store/news";
import { nowIs } from "./store/status";

export const SIGNERS = ["RECIPIENT", "FAMILY", "GUARDIAN", "WITNESS"] as const;
/** Limits of the server: photos and signatures of a visit. */
export const MOST = { PHOTO: 12, SIGNATURE: 4 } as const;
const LONGEST = 1600;
const WANTED = 200_000;
const LARGEST = 1_048_576;
const QUALITIES = [0.82, 0.7, 0.55, 0.4];

/** What a form keeps of a picture whose bytes lie on the disk. */
export interface Kept {
  id: string;
  kind: "PHOTO" | "SIGNATURE";
  signer: string | null;
  takenAt: string;
}

function encoded(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("not drawn"))), type, quality),
  );
}

/** A photo as JPEG, upright, at most 1600 px and about 200 kB. Throws when it is no picture. */
export async function shrunk(file: Blob): Promise<Blob> {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  let blob = await encoded(canvas, "image/jpeg", QUALITIES[0]);
  for (const quality of QUALITIES.slice(1)) {
    if (blob.size <= WANTED) break;
    blob = await encoded(canvas, "image/jpeg", quality);
  }
  if (blob.size > LARGEST) throw new Error("too large");
  return blob;
}

/** A signature as PNG. */
export function drawn(canvas: HTMLCanvasElement): Promise<Blob> {
  return encoded(canvas, "image/png");
}

/** Keeps the bytes under a form's key. The promise ends when they are on the disk; null when it refuses. */
export async function keepPicture(
  blob: Blob,
  kind: Kept["kind"],
  signer: string | null,
  form: string,
): Promise<Kept | null> {
  const id = crypto.randomUUID();
  try {
    const change = here().base.transaction("pictures", "readwrite");
    void change.store.put({ id, item: form, at: Date.now(), blob });
    await change.done;
    nowIs({ full: false });
    changed();
    return { id, kind, signer, takenAt: new Date().toISOString() };
  } catch {
    nowIs({ full: true });
    return null;
  }
}

export async function dropPicture(id: string): Promise<void> {
  await here().base.delete("pictures", id);
  changed();
}

export async function pictureOf(id: string): Promise<Picture | undefined> {
  return here().base.get("pictures", id);
}

/** Asks for a place and puts the bytes there. The same bytes of a visit are one picture on the server,
however often they come, so each attempt may ask anew: an address that has run out stops nothing. */
export async function sendPicture(
  base: Base,
  input: Record<string, unknown>,
  item: Item,
): Promise<Outcome> {
  try {
    const kept = await base.get("pictures", item.picture ?? "");
    if (!kept) return refused("PICTURE_GONE", "The bytes are not on this device any more.");
    const bytes = await kept.blob.arrayBuffer();
    const wanted = {
      ...input,
      contentType: kept.blob.type,
      bytes: bytes.byteLength,
      sha256: await hashOf(bytes),
      idempotencyKey: `${item.id} ${item.attempts}`,
    };
    const { deed } = await ask(gql.RequestPictureDocument, { input: wanted as never });
    if (!deed || "code" in deed) return refused(deed?.code ?? "INTERNAL", deed?.message ?? "");
    if (deed.url) {
      const trouble = await put(deed.url, kept.blob);
      if (trouble) return trouble;
    }
    await base.delete("pictures", kept.id);
    return { kind: "done", answer: { id: deed.id, version: deed.version } };
  } catch (error) {
    return told(error);
  }
}

function refused(code: string, message: string): Outcome {
  return { kind: "refused", trouble: { code, message } };
}

/** Null when the bytes are there. */
async function put(url: string, blob: Blob): Promise<Outcome | null> {
  let answer: Response;
  try {
    answer = await fetch(url, { method: "PUT", body: blob, headers: { "Content-Type": blob.type } });
  } catch {
    return { kind: "unreachable" };
  }
  if (answer.ok) return null;
  const said = (await answer.json().catch(() => ({}))) as {
    code?: string;
    message?: string;
    errors?: { message?: string; extensions?: { code?: string } }[];
  };
  const code = said.code ?? said.errors?.[0]?.extensions?.code ?? `HTTP_${answer.status}`;
  const trouble = { code, message: said.message ?? said.errors?.[0]?.message ?? answer.statusText };
  const final = answer.status === 409 || answer.status === 413;
  return final ? { kind: "refused", trouble } : { kind: "unwell", trouble };
}
