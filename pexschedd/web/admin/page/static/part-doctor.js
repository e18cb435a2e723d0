/* The doctor's report, worst first. */

import { copyButton, h, icon, notice, pill } from "./dom.js";
import { plural } from "./format.js";

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

/** What a line says beyond its title. */
export const findings = (line) => [
  h("p", { class: "wrap" }, line.message),
  line.cause && h("p", { class: "wrap soft" }, line.cause),
  line.remedy && h("p", { class: "wrap" }, h("b", {}, "What to do: "), line.remedy),
  commands(line),
  line.details.length > 0 && h("ul", { class: "soft small wrap" }, line.details.map((each) => h("li", {}, each))),
];

const item = (line) => {
  const [kind, sign, words] = SIGNS[line.status];
  return h("li", { class: `verdict ${kind}` }, icon(sign),
    h("div", {}, h("h3", {}, line.title, h("span", { class: "unseen" }, `: ${words}`)), findings(line)));
};

const lineList = (lines) => h("ul", { class: "rows" }, lines.map(item));

/** All lines but those in `elsewhere`, which are shown beside their fields. */
export function doctorReport(report, elsewhere = new Set()) {
  const lines = report.lines.filter((line) => !elsewhere.has(line));
  const of = (...kinds) => lines.filter((line) => kinds.includes(line.status));
  const bad = [...of("failed"), ...of("warning")];
  const rest = [...of("passed"), ...of("not_checked")];
  return [
    bad.length > 0 && lineList(bad),
    rest.length > 0 && h("details", { class: "fold", "data-key": "doctor-rest" },
      h("summary", {}, bad.length || elsewhere.size ? `${plural(of("passed").length, "other check")} passed` : `${plural(of("passed").length, "check")} passed`,
        of("not_checked").length > 0 && `, ${of("not_checked").length} not made`),
      lineList(rest)),
  ];
}

export function summary(report) {
  const count = (status) => report.lines.filter((line) => line.status === status).length;
  if (report.status === "failed") return notice("bad", "close", h("b", {}, plural(count("failed"), "thing has", "things have"), " to be put right"), h("p", { class: "soft small" }, `Looked at ${report.time}.`));
  if (report.status === "warning") return notice("", "alarm", h("b", {}, "It works; ", plural(count("warning"), "thing deserves", "things deserve"), " a look"), h("p", { class: "soft small" }, `Looked at ${report.time}.`));
  return notice("good", "check", h("b", {}, "Everything is in order"), h("p", { class: "soft small" }, `Looked at ${report.time}.`));
}
