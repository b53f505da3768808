/** Sign in: the first thing on a new phone. */
import { deskOf } from "../desk";
import { SignInForm } from "../parts/again";
import { Icon } from "../parts/basics";
import { Looks } from "../parts/looks";
import { learnCodes } from "../sync";
import { t } from "../words";

export function SignIn({ onDone }: { onDone: () => void }) {
  return (
    <main id="main" class="first">
      <div class="card">
        <p class="brand">
          <span class="mark" aria-hidden="true">
            <Icon name="station" />
          </span>
          {t("app.name")}
        </p>
        <h1>{t("signIn.title")}</h1>
        <SignInForm
          onDone={(account) => {
            void deskOf(account).then(learnCodes).then(onDone);
          }}
        />
        {!("serviceWorker" in navigator) && <p class="notice warn">{t("signIn.noWorker")}</p>}
      </div>
      <Looks />
    </main>
  );
}
