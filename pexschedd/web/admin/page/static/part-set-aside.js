/* Messages that were set aside after they had failed repeatedly. */

import { ask, list } from "./api.js";
import { button, card, h, icon, notice, show } from "./dom.js";
import { plural, when } from "./format.js";
import { mayChange } from "./session.js";

const RESOURCE = "status/v1/exchange_set_aside_message/";

export function setAsideItem(each, seen) {
  return h("li", { class: "verdict bad" }, icon("alarm"),
    h("div", {},
      h("h3", { class: "dated" }, `Set aside after ${plural(each.attempts, "attempt")} `, h("span", { class: "soft small" }, when(each.last_time))),
      h("p", { class: "wrap" }, each.reason),
      h("p", { class: "soft small wrap" }, "Correlation id ", h("code", {}, each.correlation_id)),
      seen && mayChange("status/exchange_set_aside_message") &&
        h("p", {}, button("I have seen it", () => seen(each), { "data-key": `seen-${each.id}` }))));
}

/** The integration's messages, there only while it has any. */
export function setAsideCard(view, id) {
  const element = h("div", {});
  const refresh = async () => {
    const found = await list(RESOURCE, { exchange_connector_id: id, order_by: "-last_time" }, view.signal);
    show(element, found.length > 0 && card("Set aside", null,
      h("ul", { class: "rows" }, found.map((each) => setAsideItem(each, seen)))));
  };
  async function seen(each) {
    try {
      await ask("DELETE", `${RESOURCE}${each.id}/`);
      await refresh();
    } catch (problem) {
      if (!view.signal.aborted) element.prepend(notice("bad", "alarm", problem.message));
    }
  }
  return { element, refresh };
}
