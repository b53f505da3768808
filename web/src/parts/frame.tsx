/** The frame of every screen: where one is, what is safe, and the ways elsewhere. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { here } from "../desk";
import { counts } from "../outbox/rules";
import { useLive } from "../store/news";
import { renew, useStatus } from "../store/status";
import { sync } from "../sync";
import { clock, t, type Word } from "../words";
import { Icon } from "./basics";
import { SignInAgain } from "./again";

const WAYS: [string, string, Word][] = [
  ["/", "today", "nav.today"],
  ["/inbox", "inbox", "nav.inbox"],
  ["/needs", "needs", "nav.needs"],
  ["/cases", "cases", "nav.cases"],
  ["/more", "more", "nav.more"],
];

/** The one permanent line that says what is safe. It reads the disk, so it never runs ahead. */
export function Safety() {
  const status = useStatus();
  const kept = useLive(async () => {
    const { base, outbox } = here();
    return {
      ...counts(await outbox.all()),
      drafts: await base.count("drafts"),
      at: (await base.get("meta", "syncedAt")) as number | undefined,
    };
  });
  if (!kept) return <p class="safety" />;
  const open = kept.saved + kept.drafts;
  const tone = kept.conflicts || kept.rejected ? "bad" : open ? "warn" : "good";
  return (
    <p class={`safety ${tone}`} role="status">
      <Link href="/outbox">
        {open === 0
          ? t("safety.clear")
          : t("safety.open", { saved: open, waiting: kept.waiting, conflicts: kept.conflicts })}
        {kept.rejected > 0 && t("safety.rejected", { rejected: kept.rejected })}
      </Link>
      <span>
        {status.full
          ? t("safety.full")
          : !status.reachable
            ? t("safety.offline")
            : status.syncing
              ? t("safety.syncing")
              : status.unwell
                ? t("safety.unwell", { code: status.unwell })
                : kept.at
                  ? t("safety.at", { time: clock(kept.at) })
                  : ""}
      </span>
    </p>
  );
}

interface FrameProps {
  title: string;
  back?: string;
  /** It makes sense on paper: a referral slip, a summary of a case. */
  printable?: boolean;
  children: ComponentChildren;
  actions?: ComponentChildren;
}

export function Frame({ title, back, printable, children, actions }: FrameProps) {
  const [at] = useLocation();
  const status = useStatus();
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
    document.getElementById("main")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [title, at]);
  const station = here().station;
  return (
    <div class="frame">
      <a class="skip" href="#main">
        {t("nav.skip")}
      </a>
      <header>
        {back ? (
          <Link href={back} class="tool" aria-label={t("nav.back")}>
            <Icon name="back" />
          </Link>
        ) : (
          <span class="mark" aria-hidden="true">
            <Icon name="station" />
          </span>
        )}
        <div class="grow">
          <h1>{title}</h1>
          {station && <p class="under">{station.name}</p>}
        </div>
        {printable && (
          <button
            type="button"
            class="tool"
            aria-label={t("nav.print")}
            onClick={() => window.print()}
          >
            <Icon name="print" />
          </button>
        )}
        <button
          type="button"
          class="tool"
          aria-label={t("nav.refresh")}
          disabled={status.syncing}
          onClick={() => void sync()}
        >
          <Icon name="refresh" />
        </button>
      </header>
      <Safety />
      {status.signedOut && (
        <p class="notice warn" role="alert">
          <span>{t("session.over")}</span>
          <button type="button" onClick={() => setAsking(true)}>
            {t("signIn.do")}
          </button>
        </p>
      )}
      {status.renewal && (
        <p class="notice info">
          <span>{t("renewal.ready")}</span>
          <button type="button" onClick={() => void renew()}>
            {t("renewal.do")}
          </button>
        </p>
      )}
      <SignInAgain open={asking} onClose={() => setAsking(false)} />
      <nav aria-label={t("nav.label")}>
        {WAYS.map(([to, icon, word]) => {
          const current = to === "/" ? at === "/" : at.startsWith(to);
          return (
            <Link key={to} href={to} class="way" aria-current={current ? "page" : undefined}>
              <Icon name={icon} />
              <span>{t(word)}</span>
            </Link>
          );
        })}
      </nav>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      {actions && <footer class="actions">{actions}</footer>}
    </div>
  );
}
