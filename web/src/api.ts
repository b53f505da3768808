/** Calls to the server: documents by their hash, the session by its cookie. */
import type { TypedDocumentString } from "./gql/graphql";

const GRAPH = "/station/api/graphql";
const SESSION = "/station/api/session";
const OWN = { "X-Nexus-Station": "1" };
const PATIENCE = 30_000;

/** There is no way to the server, or it did not answer. */
export class Unreachable extends Error {}

/** The session has ended. */
export class SignedOut extends Error {}

/** The server answered that it cannot, with a code; `wait` is in milliseconds. */
export class Unwell extends Error {
  readonly status: number;
  readonly code: string;
  readonly wait: number;
  constructor(status: number, code: string, message: string, wait: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.wait = wait;
  }
}

async function call(path: string, options: RequestInit): Promise<Response> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), PATIENCE);
  try {
    return await fetch(path, { ...options, signal: ended.signal, credentials: "same-origin" });
  } catch (error) {
    throw new Unreachable(String(error));
  } finally {
    clearTimeout(timer);
  }
}

function hashOf(document: TypedDocumentString<unknown, never>): string {
  return (document as unknown as { __meta__: { hash: string } }).__meta__.hash;
}

/** The data a document asks for. Throws Unreachable, SignedOut or Unwell. */
export async function ask<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const documentId = hashOf(document as unknown as TypedDocumentString<unknown, never>);
  const answer = await call(GRAPH, {
    method: "POST",
    headers: { ...OWN, "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify({ documentId, variables }),
  });
  if (answer.status === 401) throw new SignedOut();
  const told = (await answer.json().catch(() => ({}))) as {
    data?: Result | null;
    errors?: { message: string; extensions?: { code?: string } }[];
  };
  if (told.data && !told.errors) return told.data;
  const error = told.errors?.[0];
  const wait = Number(answer.headers.get("retry-after") ?? 0) * 1000;
  const code = error?.extensions?.code ?? `HTTP_${answer.status}`;
  throw new Unwell(answer.status, code, error?.message ?? answer.statusText, wait);
}

/** Signs in; the server's own words when it refuses. */
export async function signIn(username: string, password: string, code?: string): Promise<string | null> {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: username,
    client_secret: password,
  });
  if (code) form.set("otp", code);
  const answer = await call(SESSION, { method: "POST", headers: OWN, body: form });
  if (answer.ok) return null;
  const told = (await answer.json().catch(() => ({}))) as { error?: string };
  return answer.status === 429 ? "locked" : (told.error ?? "refused");
}

/** Ends the session on the server. */
export async function signOut(): Promise<void> {
  await call(SESSION, { method: "DELETE", headers: OWN });
}
