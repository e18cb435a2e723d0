/* The management API. The credentials are in this module's memory and nowhere else. */

const ROOT = "/api/admin/";
const PATIENCE = 70000;

let authorization = "";
let signInAgain = null;
let signingIn = null;

export class Problem extends Error {
  constructor(message, { status = 0, code = "", fields = {}, retryAfter = 0, correlationId = "" } = {}) {
    super(message);
    Object.assign(this, { status, code, fields, retryAfter, correlationId });
  }
}

const encoded = (text) => btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));

/** Use these from now on. */
export function useCredentials(name, password) {
  authorization = `Basic ${encoded(`${name}:${password}`)}`;
}

export function forgetCredentials() {
  authorization = "";
}

export const hasCredentials = () => authorization !== "";

/** `work` lets the person sign in again when the server does not take the credentials any more. */
export function onRefusal(work) {
  signInAgain = work;
}

/** Random characters, for a request that may be sent again. */
export const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function send(method, path, { body, headers = {}, signal } = {}) {
  const timeout = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(path.startsWith("/") ? path : ROOT + path, {
      method,
      // Nothing is remembered by the browser: no cookie, no password of its own, no cache.
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      headers: {
        // By this the server knows that the page asks for the password itself.
        "X-Requested-With": "pexschedd-page",
        ...(authorization && { Authorization: authorization }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      // A file is sent as it is.
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem("The server cannot be reached. Is the network there, and is the daemon running?", { code: "unreachable" });
  }
}

async function problemOf(response) {
  const options = {
    status: response.status,
    retryAfter: Number(response.headers.get("Retry-After")) || 0,
    correlationId: response.headers.get("X-Request-Id") || "",
  };
  let answer = {};
  try {
    answer = await response.json();
  } catch {
    // An answer that is not ours: only its status is told.
  }
  if (typeof answer.error === "string") return new Problem(answer.error, { ...options, code: answer.code || "" });
  const [fields] = Object.values(answer);
  if (response.status === 400 && fields && typeof fields === "object") {
    return new Problem("Some fields are not right yet.", { ...options, code: "invalid_fields", fields });
  }
  return new Problem(`The server answered with the error ${response.status}.`, options);
}

/**
 * Sends a request; resolves with the response, or throws a `Problem`. One that is refused was not carried
 * out: it is sent again after the person has signed in again. Meanwhile nothing is sent with credentials
 * that are not right any more, as each such request counts as a failed sign-in.
 */
export async function ask(method, path, options = {}) {
  for (;;) {
    if (!options.once) await signingIn;
    const used = authorization;
    const response = await send(method, path, options);
    if (response.ok) return response;
    if (response.status !== 401 || options.once || !signInAgain) throw await problemOf(response);
    if (used === authorization) signingIn ??= signInAgain().finally(() => { signingIn = null; });
  }
}

const withQuery = (path, query) => {
  const given = Object.entries(query || {}).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
};

export const get = async (path, query, signal) => (await ask("GET", withQuery(path, query), { signal })).json();

/** The records of a list, and how many there are on all its pages. */
export async function list(path, query, signal) {
  const page = await get(path, { limit: 100, ...query }, signal);
  return Object.assign(page.objects, { total: page.meta.total_count });
}

export const post = async (path, body, headers) => ask("POST", path, { body, headers });

/** A file and the name that the server gives it. */
export async function download(path, query, signal) {
  const response = await ask("GET", withQuery(path, query), { signal });
  const disposition = response.headers.get("Content-Disposition") || "";
  const plain = /filename="([^"]*)"/.exec(disposition)?.[1] || "download";
  const extended = /filename\*=UTF-8''([^;]*)/i.exec(disposition)?.[1];
  return { blob: await response.blob(), name: extended ? decodeURIComponent(extended) : plain };
}
