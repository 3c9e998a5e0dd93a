// Calls of the API, and what it answers: data with its ETag, or a problem.
import { home, token } from "./session.js";

const ROOT = new URL("../", home); // the console lies at <API>/console/
const PATIENCE_MS = 30_000;

/** Anything that is not a success. `status` 0: no answer came at all. */
export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", type = "", errors = [], allowed = [], usedBy = [] }) {
    super(detail || title);
    Object.assign(this, { status, title, detail, errors, allowed, usedBy, kind: type.split(":").at(-1) });
  }
}

/** Told when a token is no longer taken; the application asks the person to sign in again. */
export const signedOut = new EventTarget();

/**
 * One call. `etag` is sent as If-Match, `key` as Idempotency-Key. Returns {data, etag}; throws Problem, or AbortError
 * when `signal` says that nobody waits any more.
 */
export async function call(method, path, { body, query, etag, key, signal } = {}) {
  const address = new URL(path.replace(/^\//, ""), ROOT);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, value);
  }
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag) headers["If-Match"] = etag;
  if (key) headers["Idempotency-Key"] = key;
  const answer = await send(address, { method, headers, body: body && JSON.stringify(body) }, signal);
  const text = await answer.text();
  const data = text ? read(text) : null;
  if (answer.ok) return { data, etag: answer.headers.get("ETag") };
  if (answer.status === 401) signedOut.dispatchEvent(new Event("signedout"));
  throw new Problem(named(answer.status, data));
}

export const get = async (path, query, signal) => (await call("GET", path, { query, signal })).data;

/** The pages of a list one after the other, as arrays; lists are asked for by the thousand. */
export async function* pages(path, query = {}, signal = undefined) {
  let start;
  do {
    const page = await get(path, { limit: 1000, orderBy: "name", ...query, start }, signal);
    yield page.results;
    start = page.next;
  } while (start);
}

/** A whole list, for pickers. */
export async function all(path, query, signal) {
  const found = [];
  for await (const results of pages(path, query, signal)) found.push(...results);
  return found;
}

async function send(address, request, signal) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await fetch(address, { ...request, signal: signal ? AbortSignal.any([signal, patience]) : patience });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error.name === "TimeoutError") {
      throw new Problem({ title: "No answer", detail: "The server has not answered for 30 seconds. Try again." });
    }
    const detail = navigator.onLine
      ? "The server could not be reached. Try again in a moment."
      : "This device is offline. Try again when there is a connection.";
    throw new Problem({ title: "No connection", detail });
  }
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a page of some proxy between here and there
  }
}

function named(status, data) {
  const isProblem = data && typeof data.title === "string";
  const known = isProblem ? data : { title: `The server answered ${status}`, detail: "Try again in a moment." };
  if (status === 403) known.detail = "Your account may not do this. Whoever runs this deployment can grant it.";
  return { ...known, status };
}
