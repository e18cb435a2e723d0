/* The page: which view is shown, who is signed in, and what is around the views. */

import { list, Problem } from "./api.js";
import { $, button, h, head, icon, notice } from "./dom.js";
import { begun, mayRead, session, signInView, signOut, signOutButton, watchSession } from "./session.js";
import * as alarms from "./view-alarms.js";
import * as certificates from "./view-certificates.js";
import * as conference from "./view-conference.js";
import * as firstSteps from "./view-first-steps.js";
import * as integration from "./view-integration.js";
import * as integrations from "./view-integrations.js";
import * as overview from "./view-overview.js";
import * as rooms from "./view-rooms.js";
import * as ruleTest from "./view-rule-test.js";
import * as search from "./view-search.js";

/* A view has `show(view)`, which fills `view.root`; `view.match` are the parts of its address. */
const ROUTES = [
  [/^\/?$/, overview],
  [/^\/first-steps$/, firstSteps],
  [/^\/integrations$/, integrations],
  [/^\/integrations\/(\d+)$/, integration],
  [/^\/rooms$/, rooms],
  [/^\/rooms\/(\d{4}-\d\d-\d\d)$/, rooms],
  [/^\/alarms$/, alarms],
  [/^\/certificates$/, certificates],
  [/^\/rule-test$/, ruleTest],
  [/^\/search$/, search],
  [/^\/conferences\/(\d+)$/, conference],
];

const NAVIGATION = [
  ["/", "Overview"],
  ["/integrations", "Integrations"],
  ["/rooms", "Rooms"],
  ["/alarms", "Alarms"],
  ["/certificates", "Certificates"],
  ["/rule-test", "Rule test"],
];

const address = () => {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: new URLSearchParams(query) };
};

/** One visit to a view: its requests and timers end with it. */
class View {
  constructor(match, query) {
    this.root = $("main");
    this.match = match;
    this.query = query;
    this.ended = new AbortController();
    this.signal = this.ended.signal;
  }

  title(text) {
    document.title = `${text} – pexschedd`;
  }

  /** Does `work` now and then again and again while the page is looked at. */
  async every(ms, work) {
    const round = async () => {
      if (document.hidden) return;
      try {
        await work();
        banner("");
      } catch (problem) {
        if (!this.signal.aborted && problem instanceof Problem) banner(problem.message);
      }
    };
    const timer = setInterval(round, ms);
    this.signal.addEventListener("abort", () => clearInterval(timer));
    await work();
    banner("");
  }
}

let current = null;

function banner(text) {
  const shown = $("banner");
  if (shown.textContent !== text) shown.replaceChildren(...(text ? [h("p", { class: "banner" }, text)] : []));
}

async function open() {
  if (!session.name) return;
  current?.ended.abort();
  const { path, query } = address();
  const [pattern, module] = ROUTES.find(([each]) => each.test(path)) || [/^/, { show: missing }];
  const view = new View(pattern.exec(path), query);
  current = view;
  navigation(path);
  if (path !== "/search") $("search-text").value = "";
  view.root.replaceChildren(h("p", { class: "soft", "aria-busy": "true" }, "Loading …"));
  scrollTo(0, 0);
  try {
    await module.show(view);
  } catch (problem) {
    if (view.signal.aborted) return;
    trouble(view, problem);
  }
  if (current === view) (view.focus || view.root.querySelector("h1"))?.focus();
}

function trouble(view, problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  const known = problem instanceof Problem;
  view.title("Problem");
  view.root.replaceChildren(
    head(problem.status === 404 ? "There is nothing here" : "This cannot be shown"),
    notice("bad", "alarm",
      h("p", {}, known ? problem.message : "The page has a fault. The browser’s console says more."),
      known && problem.correlationId && h("p", { class: "small soft" }, "Correlation id: ", h("code", {}, problem.correlationId)),
      h("p", { class: "actions" }, button("Try again", open))));
}

function missing(view) {
  view.title("Not found");
  view.root.replaceChildren(head("There is nothing here"), h("p", {}, h("a", { href: "#/" }, "To the overview")));
}

// ------------------------------------------------------------------ around the views

let raised = 0;

function navigation(path) {
  const part = path.split("/")[1] || "";
  $("nav").replaceChildren(...NAVIGATION.map(([where, text]) =>
    h("a", { href: `#${where}`, "aria-current": (where.slice(1) === part) && "page" },
      text, where === "/alarms" && raised > 0 && h("span", { class: "badge" }, raised, h("span", { class: "unseen" }, " raised")))));
}

async function countAlarms() {
  if (!session.name || document.hidden || !mayRead("status/alarm")) return;
  try {
    raised = (await list("status/v1/alarm/", { limit: 1 })).total;
    navigation(address().path);
  } catch {
    // The view that is open says what is wrong.
  }
}

function leave(reason) {
  current?.ended.abort();
  current = null;
  signOut();
  if (!reason) firstSteps.forget();
  raised = 0;
  for (const part of ["nav", "search", "me"]) $(part).hidden = true;
  $("me").replaceChildren();
  $("search-text").value = "";
  banner("");
  document.title = "Sign in – pexschedd";
  signInView($("main"), reason, enter);
}

let last = "";

function enter() {
  begun(leave);
  // What one person has entered is not for another.
  if (session.name !== last) firstSteps.forget();
  last = session.name;
  $("me").replaceChildren(
    h("div", { class: "who" }, h("b", { title: session.name }, session.name), h("span", {}, session.role)), signOutButton(leave));
  for (const part of ["nav", "search", "me"]) $(part).hidden = false;
  open();
  countAlarms();
}

function dress(theme) {
  const dark = theme === "dark";
  const toggle = $("theme");
  toggle.replaceChildren(icon(dark ? "sun" : "moon"));
  toggle.setAttribute("aria-label", dark ? "Light colours" : "Dark colours");
  toggle.title = dark ? "Light" : "Dark";
}

const scheme = matchMedia("(prefers-color-scheme: dark)");
const themeNow = () => document.documentElement.dataset.theme || (scheme.matches ? "dark" : "light");

$("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = themeNow() === "dark" ? "light" : "dark";
  dress(themeNow());
});
scheme.addEventListener("change", () => dress(themeNow()));
dress(themeNow());

document.querySelector(".skip").addEventListener("click", (event) => {
  // The address is the view's: it must not change.
  event.preventDefault();
  $("main").focus();
});
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("search-text").value.trim();
  if (text) location.hash = `/search?${new URLSearchParams({ q: text })}`;
});
addEventListener("hashchange", open);
document.addEventListener("visibilitychange", countAlarms);
setInterval(countAlarms, 30000);
watchSession(leave);
leave("");
