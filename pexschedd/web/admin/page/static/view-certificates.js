/* Certificates that will have to be renewed one day, the most urgent first. */

import { list } from "./api.js";
import { empty, h, head, pill, show } from "./dom.js";
import { parse, plural } from "./format.js";

const KINDS = {
  trusted: "Trusted authority",
  exchange: "Presented by Exchange",
  own: "Our own endpoint",
  application: "Signs in as an application",
};

export const certificates = (signal) => list("status/v1/certificate/", { order_by: "end_date", limit: 1000 }, signal);

export function daysLeft(each) {
  if (each.days_left < 0) return pill("bad", "expired");
  return pill(each.is_due ? "bad" : "good", each.days_left === 0 ? "today" : plural(each.days_left, "day"));
}

const date = (each) => {
  const end = parse(each.end_date);
  return h("time", { datetime: end.toISOString() }, end.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }));
};

const table = (found) =>
  h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, ["Certificate", "What it is", "Ends", "Left"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, found.map((each) => h("tr", {},
      h("td", {}, h("b", {}, each.name), each.is_due && h("p", { class: "small" }, h("b", {}, "What to do: "), each.remedy)),
      h("td", { "data-label": "What it is" }, KINDS[each.kind] || each.kind),
      h("td", { "data-label": "Ends" }, date(each)),
      h("td", { "data-label": "Left" }, daysLeft(each))))));

async function open(view) {
  view.title("Certificates");
  const region = h("div", {});
  await view.every(60000, async () => {
    const found = await certificates(view.signal);
    show(region, found.length
      ? h("div", { class: "body" }, table(found))
      : empty("key", "No certificate is known yet", "Those of Exchange servers are listed once they were talked to over TLS; uploaded authorities and our own at once."));
  });
  view.root.replaceChildren(
    head("Certificates", { text: "An alarm is raised 14 days before a server’s ends, and 30 days before an authority’s or an application’s." }),
    h("section", { class: "card", "aria-label": "Certificates" }, region));
}

export { open as show };
