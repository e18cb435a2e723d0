/* Messages per hour: a column for each of the last 24 hours, and the same as a table. */

import { h } from "./dom.js";
import { clock, parse, plural } from "./format.js";

const HOUR = 3600000;
const KINDS = [
  ["accepted", "Accepted"],
  ["declined", "Declined"],
  ["other", "Other"],
  ["failed", "Failed"],
];

/** Sums of all integrations, or of one, for each of the last 24 hours; oldest first. */
export function byHour(counts, connector = 0, now = new Date()) {
  const last = Math.floor(now / HOUR) * HOUR;
  const hours = Array.from({ length: 24 }, (_, index) => ({ start: new Date(last - (23 - index) * HOUR), accepted: 0, declined: 0, other: 0, failed: 0 }));
  for (const count of counts) {
    if (connector && count.exchange_connector_id !== connector) continue;
    const hour = hours[23 - Math.round((last - parse(count.start_time)) / HOUR)];
    if (hour) for (const [kind] of KINDS) hour[kind] += count[kind];
  }
  return hours;
}

const total = (hour) => hour.accepted + hour.declined + hour.other + hour.failed;

/** The next round number that has a half: 2, 4, 6, 8, 10, 20, 40, 60, … */
function ceiling(value) {
  for (let power = 1; ; power *= 10) for (const step of [1, 2, 4, 6, 8]) if (step * power >= value) return step * power;
}

export function messageChart(hours) {
  const sum = hours.reduce((before, hour) => before + total(hour), 0);
  const most = Math.max(...hours.map(total));
  const top = ceiling(Math.max(most, 4));
  const columns = hours.map((hour, index) => {
    const column = h("div", { class: "column", title: `${clock(hour.start)}: ${plural(total(hour), "message")}` });
    for (const [kind] of KINDS) {
      if (!hour[kind]) continue;
      const part = h("i", { class: kind });
      part.style.height = `${(hour[kind] / top) * 100}%`;
      column.append(part);
    }
    return h("div", { class: "slot" }, column, index % 3 === 2 && h("span", {}, clock(hour.start)));
  });
  const chart = h("div", { class: "chart", role: "img", "aria-label": `Messages per hour: ${sum} in the last 24 hours, ${most} in the busiest one.` },
    h("div", { class: "scale", "aria-hidden": "true" }, [top, top / 2, 0].map((mark) => h("span", {}, mark))),
    h("div", { class: "columns-of-chart", "aria-hidden": "true" }, columns));
  const legend = h("ul", { class: "legend", "aria-hidden": "true" },
    KINDS.map(([kind, text]) => h("li", {}, h("i", { class: kind }), text)));
  return h("figure", { class: "messages" }, chart, h("figcaption", {}, legend, table(hours)));
}

function table(hours) {
  const busy = hours.filter(total);
  return h("details", { "data-key": "chart-table" },
    h("summary", {}, "As a table"),
    busy.length
      ? h("table", { class: "small" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Hour"), KINDS.map(([, text]) => h("th", { scope: "col", class: "number" }, text)))),
        h("tbody", {}, busy.map((hour) => h("tr", {}, h("td", {}, clock(hour.start)), KINDS.map(([kind]) => h("td", { class: "number" }, hour[kind]))))))
      : h("p", { class: "soft small" }, "No messages in the last 24 hours."));
}
