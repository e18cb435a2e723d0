/* The desk's server. */

export class Problem extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`/desk/api/${path}`, { ...options, signal: AbortSignal.timeout(15000) });
  } catch {
    throw new Problem("The desk’s own server does not answer. Is the demo still running?", "unreachable", 0);
  }
  const text = await response.text();
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // An answer without JSON is an error below.
  }
  if (!response.ok) throw new Problem(body.message || `Error ${response.status}`, body.code || "error", response.status);
  return body;
}

export const get = (path, query = {}) => ask(`${path}?${new URLSearchParams(query)}`);

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
