/** The small parts that every screen is made of; each stands on a native element. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { t, tOf, type Word } from "../words";

type Children = { children: ComponentChildren };

const SHAPES: Record<string, string> = {
  today: "M4 6h16M4 12h16M4 18h10",
  inbox: "M3 13l3-8h12l3 8v6H3zM3 13h5l2 3h4l2-3h5",
  needs: "M12 20s-7-4.4-7-9.5A4.5 4.5 0 0 1 12 7a4.5 4.5 0 0 1 7 3.5C19 15.6 12 20 12 20z",
  cases: "M4 7h6l2 2h8v10H4z",
  more: "M4 5h6v6H4zM14 5h6v6h-6zM4 15h6v5H4zM14 15h6v5h-6z",
  back: "M15 5l-7 7 7 7",
  go: "M9 5l7 7-7 7",
  outbox: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M6 14v6",
  station: "M4 20V10l8-6 8 6v10M9 20v-6h6v6",
  refresh: "M20 12a8 8 0 1 1-2.3-5.6M20 4v5h-5",
  print: "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7z",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name] ?? ""} />
    </svg>
  );
}

export type Tone = "plain" | "good" | "warn" | "bad" | "info";

/** A word in a frame. Its text says it; the colour only helps. */
export function Badge({ tone = "plain", children }: Children & { tone?: Tone }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const URGENT: Record<string, Tone> = { U1: "bad", U2: "warn", U3: "info", U4: "plain" };

export function Urgency({ code }: { code: string }) {
  return <Badge tone={URGENT[code] ?? "plain"}>{tOf("urgency", code)}</Badge>;
}

/** What a list says when there is nothing on it. */
export function Empty({ word, hint }: { word: Word; hint?: Word }) {
  return (
    <div class="empty">
      <p>{t(word)}</p>
      {hint && <p class="muted">{t(hint)}</p>}
    </div>
  );
}

/** While something is read from the disk. */
export function Waiting() {
  return (
    <p class="muted pad" role="status">
      {t("loading")}
    </p>
  );
}

/** A row of a list that leads somewhere. */
export function Row({ to, children }: Children & { to: string }) {
  return (
    <li>
      <Link href={to} class="row">
        <div class="grow">{children}</div>
        <Icon name="go" />
      </Link>
    </li>
  );
}

/** Names and values, aligned. Values that are missing are left out. */
export function Facts({ of }: { of: [Word, ComponentChildren][] }) {
  const shown = of.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl class="facts">
      {shown.map(([word, value]) => (
        <div key={word}>
          <dt>{t(word)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Section({ title, children }: Children & { title: string }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

interface FieldProps extends Children {
  label: string;
  hint?: string;
  error?: string | undefined;
  id: string;
}

/** A label, its input, and what is wrong with it. */
export function Field({ label, hint, error, id, children }: FieldProps) {
  return (
    <div class={error ? "field wrong" : "field"}>
      <label for={id}>{label}</label>
      {hint && (
        <p class="muted small" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {children}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

interface DialogProps extends Children {
  title: string;
  open: boolean;
  onClose: () => void;
}

/** A native dialog: focus stays inside, Escape closes it. */
export function Dialog({ title, open, onClose, children }: DialogProps) {
  const own = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = own.current;
    if (open && element && !element.open) element.showModal();
    if (!open && element?.open) element.close();
  }, [open]);
  return (
    <dialog ref={own} onClose={onClose} aria-label={title}>
      {open && (
        <>
          <h2>{title}</h2>
          {children}
        </>
      )}
    </dialog>
  );
}
