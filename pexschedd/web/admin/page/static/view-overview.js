/* Everything at a glance. */

import { list } from "./api.js";
import { body, card, empty, h, head, notice, show } from "./dom.js";
import { clock, plural } from "./format.js";
import { alarmItem, raisedAlarms } from "./part-alarms.js";
import { byHour, messageChart } from "./part-chart.js";
import { dayAt, isOpen, windowsOf } from "./part-timeline.js";
import { certificates, daysLeft } from "./view-certificates.js";
import { firstStepsLink, integrationStates, integrationTable } from "./view-integrations.js";

const ALARMS = 3;
const SOON = 10;
const ROUND_MS = 15000;
const ROOMS_MS = 60000;

const link = (href, text) => h("a", { href, class: "small" }, text);

function begin() {
  return h("section", { class: "card", "aria-label": "First steps" },
    empty("video", "Nothing is connected yet",
      "Make the first integration: it connects virtual meeting rooms with an equipment mailbox of your Exchange. Each step is checked while you enter it.",
      firstStepsLink("First steps")));
}

function roomsCard(windows) {
  const now = new Date();
  const open = windows.filter((each) => isOpen(each, now));
  const soon = windows.filter((each) => each.start > now);
  const rows = [...open, ...soon].slice(0, SOON).map((each) =>
    h("li", {},
      h("span", { class: `dot ${isOpen(each, now) ? "open" : ""}` }),
      h("a", { href: `#/conferences/${each.id}`, class: "name" }, each.name),
      h("span", { class: "soft number" }, isOpen(each, now) ? `until ${clock(each.end)}` : `from ${clock(each.start)}`)));
  return card("Rooms today", link("#/rooms", "Time line"),
    rows.length
      ? body(h("p", { class: "soft small" }, `${open.length} open now, ${soon.length} to come`), h("ul", { class: "soon" }, rows))
      : empty("video", "No room is open", windows.length ? "All of today’s meetings are over." : "No meeting today has a room."));
}

function certificateCard(found) {
  const rows = found.slice(0, 4).map((each) =>
    h("li", {}, h("span", { class: "name", title: each.name }, each.name), daysLeft(each)));
  return card("Certificates", link("#/certificates", "All"),
    rows.length ? body(h("ul", { class: "soon" }, rows)) : empty("key", "None known yet", ""));
}

async function open(view) {
  view.title("Overview");
  const region = h("div", { class: "stack" });
  let rooms = null;
  let since = 0;
  // All meetings are looked through for those of the day: less often than the rest is asked for.
  const windowsNow = async () => {
    if (!rooms || Date.now() - since > ROOMS_MS) {
      rooms = await windowsOf(dayAt(new Date()), view.signal);
      since = Date.now();
    }
    return rooms;
  };
  await view.every(ROUND_MS, async () => {
    const [states, alarms, counts, windows, found] = await Promise.all([
      integrationStates(view.signal),
      raisedAlarms(view.signal),
      list("status/v1/message_count/", { limit: 10000 }, view.signal),
      windowsNow(),
      certificates(view.signal),
    ]);
    const hours = byHour(counts);
    const sum = counts.reduce((before, each) => before + each.accepted + each.declined + each.other + each.failed, 0);
    show(region,
      states.length === 0 && begin(),
      alarms.length > 0 && card(plural(alarms.length, "alarm"), link("#/alarms", "All alarms"),
        h("ul", { class: "rows" }, alarms.slice(0, ALARMS).map((each) => alarmItem(each, states)))),
      states.length > 0 && alarms.length === 0 && notice("good", "check", h("b", {}, "Everything that is watched works.")),
      states.length > 0 && card("Integrations", link("#/integrations", "All"), body(integrationTable(states.slice(0, 10)))),
      h("div", { class: "columns" },
        h("div", { class: "stack" },
          card("Messages per hour", h("span", { class: "soft small" }, `${plural(sum, "message")} in 24 hours`), body(messageChart(hours))),
          certificateCard(found)),
        roomsCard(windows)));
  });
  view.root.replaceChildren(head("Overview"), region);
}

export { open as show };
