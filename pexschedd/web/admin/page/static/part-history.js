/* What became of messages, and who changed what. */

import { list } from "./api.js";
import { h, icon } from "./dom.js";
import { parse, when } from "./format.js";
import { mayRead } from "./session.js";

const ACTIONS = {
  accept: ["check", "good", "Accepted"],
  decline: ["close", "bad", "Declined"],
  remove: ["dash", "", "Cancellation carried out"],
  reply: ["info", "", "Answered by mail"],
  rewrite: ["again", "", "Invitation is rewritten"],
  set_aside: ["alarm", "bad", "Set aside"],
};
const OTHERWISE = ["dash", "", "No answer needed"];

const MESSAGES = "history/v1/scheduling_message/";
const CHANGES = "history/v1/configuration_change/";

/** Messages by any of several questions, newest first; none if the role may not see them. */
export async function messages(queries, signal) {
  if (!mayRead("history/scheduling_message")) return [];
  const found = new Map();
  for (const query of queries) {
    for (const each of await list(MESSAGES, { ...query, order_by: "-time", limit: 100 }, signal)) found.set(each.id, each);
  }
  return [...found.values()].sort((one, other) => parse(other.time) - parse(one.time));
}

/** Administrators' changes by any of several questions, newest first. */
export async function changes(queries, signal) {
  if (!mayRead("history/configuration_change")) return [];
  return (await Promise.all(queries.map((query) => list(CHANGES, { ...query, limit: 100 }, signal)))).flat();
}

export function messageItem(each, withRoom = false) {
  const [sign, kind, words] = ACTIONS[each.action] || OTHERWISE;
  const text = each.note.replace(/^declined: /, "");
  const note = text && `${text[0].toUpperCase()}${text.slice(1)}.`.replace(/[.!?]\.$/, ".");
  return h("li", { class: `verdict ${kind}` }, icon(sign),
    h("div", {},
      h("h3", { class: "dated" }, words, " ", h("span", { class: "soft small" }, when(each.time))),
      note && h("p", { class: "wrap" }, note),
      withRoom && each.conference_id > 0 && h("p", {}, h("a", { href: `#/conferences/${each.conference_id}` }, each.alias || "The room")),
      h("p", { class: "soft small wrap" }, each.organizer && `${each.organizer} · `, "Correlation id ", h("code", {}, each.correlation_id))));
}

const VERBS = { created: "created", changed: "changed", deleted: "deleted" };

const shown = (value) => (value === null || value === undefined || value === "" ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value));

const VIEWS = { conference: "conferences", ms_exchange_connector: "integrations" };

/** What was changed, with its name where the view is not about that one. */
function objectOf(each) {
  const words = each.object_name || `${each.resource} ${each.object_id}`;
  return VIEWS[each.resource] ? h("a", { href: `#/${VIEWS[each.resource]}/${each.object_id}` }, words) : words;
}

export function changeItem(each, withName = false) {
  return h("li", { class: "verdict" }, icon("key"),
    h("div", {},
      h("h3", { class: "dated" }, h("span", {}, `${each.administrator} ${VERBS[each.action] || each.action} `, withName ? objectOf(each) : "it"), " ", h("span", { class: "soft small" }, when(each.time))),
      (each.changes || []).length > 0 && h("ul", { class: "wrap small" }, each.changes.map((change) =>
        h("li", {}, h("code", {}, change.field), ": ", each.action === "changed" && `${shown(change.old)} → `, h("b", {}, shown(each.action === "deleted" ? change.old : change.new))))),
      h("p", { class: "soft small wrap" }, each.address && `from ${each.address} · `, "Correlation id ", h("code", {}, each.correlation_id))));
}
