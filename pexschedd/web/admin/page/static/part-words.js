/* Plain words for the names that the management API has, which stay in a tooltip. */

import { h } from "./dom.js";
import { WORDS } from "./words.js";

/* Values of fields, as the form shows them. */
const VALUES = {
  BASIC: "Basic",
  KERBEROS: "Kerberos",
  OAUTH: "OAuth",
  APP_PERM: "OAuth of an application",
  GRAPH: "Microsoft Graph",
  AZURE: "Azure",
};

const NAME = /`?\b([a-z]+(?:_[a-z]+)+|[A-Z]{3,}(?:_[A-Z]+)*)\b`?/g;

/** What people call a field; `own` are the labels of the form that they look at. */
export const labelOf = (name, own = {}) => own[name] || WORDS[name] || name;

/** A text, with the names of fields and of their values in words. */
export function plain(text, own = {}) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(NAME)) {
    const [whole, name] = found;
    const label = own[name] || WORDS[name];
    if (!label && !VALUES[name]) continue;
    parts.push(text.slice(end, found.index), h("abbr", { title: name }, label ? `“${label}”` : VALUES[name]));
    end = found.index + whole.length;
  }
  return [...parts, text.slice(end)];
}

/** A text that begins with a field, such as `url: This must be …`. */
export function plainLine(text, own = {}) {
  const [, name, rest] = /^([a-z_]+): (.*)$/s.exec(text) || [];
  if (!name) return plain(text, own);
  return [h("abbr", { title: name }, labelOf(name, own)), ": ", ...plain(rest, own)];
}
