/** The sign-in form, on its own screen and in a dialog when a session has ended. */
import { useState } from "preact/hooks";
import { signIn, Unreachable } from "../api";
import { type Account, deskOf } from "../desk";
import { sync, whoAmI } from "../sync";
import { t, tOf } from "../words";
import { Dialog, Field } from "./basics";

interface FormProps {
  onDone: (account: Account) => void;
}

export function SignInForm({ onDone }: FormProps) {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [second, setSecond] = useState(false);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setTrouble(undefined);
    try {
      const text = (name: string) => String(form.get(name) ?? "");
      const refused = await signIn(text("username").trim(), text("password"), text("code").trim());
      if (refused === "second_factor_needed") setSecond(true);
      const account = refused ? null : await whoAmI();
      if (account) onDone(account);
      else setTrouble(tOf("signIn.error", refused ?? "refused", t("signIn.error.refused")));
    } catch (error) {
      setTrouble(error instanceof Unreachable ? t("signIn.error.offline") : String(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <Field id="username" label={t("signIn.username")}>
        <input id="username" name="username" required autocomplete="username" autocapitalize="none" />
      </Field>
      <Field id="password" label={t("signIn.password")}>
        <input
          id="password"
          name="password"
          type="password"
          required
          autocomplete="current-password"
        />
      </Field>
      {second && (
        <Field id="code" label={t("signIn.code")} hint={t("signIn.codeHint")}>
          <input id="code" name="code" inputMode="numeric" autocomplete="one-time-code" />
        </Field>
      )}
      {trouble && (
        <p class="error" role="alert">
          {trouble}
        </p>
      )}
      <button class="main" disabled={busy}>
        {t(busy ? "signIn.busy" : "signIn.do")}
      </button>
    </form>
  );
}

/** For whoever works on while the session has ended: nothing on the phone is lost by it. */
export function SignInAgain({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title={t("signIn.again")} open={open} onClose={onClose}>
      <SignInForm
        onDone={(account) => {
          onClose();
          void deskOf(account).then(() => sync());
        }}
      />
      <button type="button" onClick={onClose}>
        {t("cancel")}
      </button>
    </Dialog>
  );
}
