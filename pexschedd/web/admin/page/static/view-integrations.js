/* All integrations, with their health. */

import { list } from "./api.js";
import { empty, h, head, icon, pill, show } from "./dom.js";
import { ago, duration, plural } from "./format.js";
import { deploymentAccounts } from "./part-account.js";
import { mayChange } from "./session.js";

export const integrationStates = (signal) => list("status/v1/exchange_integration/", { order_by: "name", limit: 1000 }, signal);

export const healthPill = (state) =>
  state.status === "ok" ? pill("good", icon("check", 14), "Works") : pill("bad", icon("alarm", 14), plural(state.alarms_count, "alarm"));

const NOTIFICATIONS = {
  streaming: "told at once",
  connecting: "connecting",
  pull: "asks for news",
  webhook: "told at once",
  polling: "looks regularly",
  stopped: "does not look",
};

export const noticed = (state) => NOTIFICATIONS[state.notifications] || state.notifications;

export const queueWords = (state) =>
  state.queue ? `${plural(state.queue, "message")}, the oldest for ${duration(state.queue_age)}` : "empty";

export function integrationTable(states) {
  return h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, ["Integration", "Health", "Last activity", "Queue", "New messages"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, states.map((state) => h("tr", {},
      h("td", {}, h("a", { href: `#/integrations/${state.id}` }, h("b", {}, state.name))),
      h("td", { "data-label": "Health" }, healthPill(state)),
      h("td", { "data-label": "Last activity" }, ago(state.last_activity)),
      h("td", { "data-label": "Queue", class: state.queue_age > 600 ? "late" : "" }, queueWords(state)),
      h("td", { "data-label": "New messages" }, noticed(state), state.back_off > 0 && `; waits ${duration(state.back_off)}`)))));
}

export const firstStepsLink = (text) =>
  mayChange("configuration/ms_exchange_connector") && h("a", { href: "#/first-steps", class: "button primary" }, icon("plus"), text);

export async function fill(view, region) {
  const states = await integrationStates(view.signal);
  show(region, states.length
    ? h("div", { class: "body" }, integrationTable(states))
    : empty("video", "No integration yet", "An integration connects rooms with an equipment mailbox of Exchange.", firstStepsLink("First steps")));
}

async function open(view) {
  view.title("Integrations");
  const region = h("div", {});
  const accounts = await deploymentAccounts(view);
  const made = h("div", { class: "stack" },
    head("Integrations", { actions: [firstStepsLink("New integration")] }),
    h("section", { class: "card", "aria-label": "Integrations" }, region),
    accounts.elements);
  await view.every(10000, () => Promise.all([fill(view, region), accounts.refresh()]));
  view.root.replaceChildren(made);
}

export { open as show };
