/* What needs attention now, and what did. */

import { button, card, empty, h, head, show } from "./dom.js";
import { plural } from "./format.js";
import { alarmItem, pastAlarms, raisedAlarms } from "./part-alarms.js";
import { integrationStates } from "./view-integrations.js";

async function open(view) {
  view.title("Alarms");
  const [now, past] = [h("div", {}), h("div", {})];
  let shown = [];
  let total = 0;
  let integrations = [];
  const more = h("p", { class: "body" });
  const drawPast = () => {
    show(past, shown.length
      ? h("ul", { class: "rows" }, shown.map((each) => alarmItem(each, [], integrations.find((one) => one.name === each.instance))))
      : empty("clock", "No alarm was lowered yet", ""));
    more.hidden = shown.length >= total;
  };
  const next = async () => {
    const page = await pastAlarms(view.signal, shown.length);
    shown = shown.concat(page.objects);
    total = page.meta.total_count;
    drawPast();
  };
  more.append(button("Show older ones", next));
  let ids = null;
  await view.every(10000, async () => {
    const [alarms, states] = await Promise.all([raisedAlarms(view.signal), integrationStates(view.signal)]);
    integrations = states;
    show(now, alarms.length
      ? h("ul", { class: "rows" }, alarms.map((each) => alarmItem(each, states)))
      : empty("check", "No alarm is raised", "Everything that is watched works."));
    const found = alarms.map((each) => each.id).join();
    if (found !== ids) {
      ids = found;
      const page = await pastAlarms(view.signal);
      [shown, total] = [page.objects, page.meta.total_count];
      drawPast();
    }
    view.title(alarms.length ? plural(alarms.length, "alarm") : "Alarms");
  });
  drawPast();
  view.root.replaceChildren(head("Alarms", { text: "Each says what is wrong and what to do; it is lowered by itself once that is done." }),
    h("div", { class: "stack" }, card("Raised now", null, now), card("Earlier", null, past, more)));
}

export { open as show };
