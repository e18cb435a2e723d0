/* The doctor's report, worst first. */

import { copyButton, h, icon, notice, pill } from "./dom.js";
import { plural } from "./format.js";
import { plain } from "./part-words.js";

export const SIGNS = {
  failed: ["bad", "close", "Failed"],
  warning: ["wait", "alarm", "Warning"],
  passed: ["good", "check", "Passed"],
  not_checked: ["", "dash", "Not checked"],
};

export const verdictPill = (status) => pill(SIGNS[status][0], icon(SIGNS[status][1], 14), SIGNS[status][2]);

const commands = (line) =>
  line.commands.length > 0 && h("div", { class: "commands" },
    h("pre", { tabindex: "0", "aria-label": `PowerShell for ${line.title}` }, line.commands.join("\n")),
    copyButton(line.commands.join("\n"), `the commands for ${line.title}`));

/** What a line says beyond its title; `own` are the labels of the form that it is beside. */
export const findings = (line, own) => [
  h("p", { class: "wrap" }, plain(line.message, own)),
  line.cause && h("p", { class: "wrap soft" }, plain(line.cause, own)),
  line.remedy && h("p", { class: "wrap" }, h("b", {}, "What to do: "), plain(line.remedy, own)),
  commands(line),
  line.details.length > 0 && h("ul", { class: "soft small wrap" }, line.details.map((each) => h("li", {}, plain(each, own)))),
];

const item = (line, own) => {
  const [kind, sign, words] = SIGNS[line.status];
  return h("li", { class: `verdict ${kind}` }, icon(sign),
    h("div", {}, h("h3", {}, line.title, h("span", { class: "unseen" }, `: ${words}`)), findings(line, own)));
};

const lineList = (lines, own) => h("ul", { class: "rows" }, lines.map((line) => item(line, own)));

/** All lines but those in `elsewhere`, which are shown beside their fields. */
export function doctorReport(report, elsewhere = new Set(), own = {}) {
  const lines = report.lines.filter((line) => !elsewhere.has(line));
  const of = (...kinds) => lines.filter((line) => kinds.includes(line.status));
  const bad = [...of("failed"), ...of("warning")];
  const rest = [...of("passed"), ...of("not_checked")];
  return [
    bad.length > 0 && lineList(bad, own),
    rest.length > 0 && h("details", { class: "fold", "data-key": "doctor-rest" },
      h("summary", {}, bad.length || elsewhere.size ? `${plural(of("passed").length, "other check")} passed` : `${plural(of("passed").length, "check")} passed`,
        of("not_checked").length > 0 && `, ${of("not_checked").length} not made`),
      lineList(rest, own)),
  ];
}

export function summary(report) {
  const count = (status) => report.lines.filter((line) => line.status === status).length;
  if (report.status === "failed") return notice("bad", "close", h("b", {}, plural(count("failed"), "thing has", "things have"), " to be put right"), h("p", { class: "soft small" }, `Looked at ${report.time}.`));
  if (report.status === "warning") return notice("", "alarm", h("b", {}, "It works; ", plural(count("warning"), "thing deserves", "things deserve"), " a look"), h("p", { class: "soft small" }, `Looked at ${report.time}.`));
  return notice("good", "check", h("b", {}, "Everything is in order"), h("p", { class: "soft small" }, `Looked at ${report.time}.`));
}
