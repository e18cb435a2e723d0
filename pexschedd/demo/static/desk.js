/* The page: asks the server about once a second and keeps everything in step. */

import { get, post } from "./api.js";
import { Calendar } from "./calendar.js";
import { MeetingCard } from "./card.js";
import { Compose } from "./compose.js";
import { $, day, h, icon, initials, paint, sameDay, show, time, toast } from "./dom.js";
import { Inbox } from "./inbox.js";
import { DoorSigns } from "./signs.js";
import { Steps } from "./steps.js";

const PACE = 1000;
const HASTY = 300;

const desk = {
  setup: { users: [], addin: null, addin_origin: "", problem: "" },
  user: null,
  meetings: [],
  inbox: [],
  selected: null,
  skew: 0,
  ahead: 0,
  problem: "",

  /** The desk's time. */
  now: () => new Date(Date.now() + desk.skew),
  /** Of a series, the meeting that is on or comes next. */
  meeting: (uid) => {
    const found = desk.meetings.filter((meeting) => meeting.uid === uid);
    return found.find((meeting) => new Date(meeting.end) > desk.now()) || found.at(-1);
  },
  select,
  edit: (uid, withPane = false) => attempt(async () => {
    const { user } = desk;
    const found = await get("meeting", { user: user.address, uid });
    // Not in front of somebody who has turned to something else, nor over what is written.
    if (desk.user !== user || desk.selected !== uid || compose.dialog.open) return;
    await compose.edit(found);
    if (withPane) compose.showPane();
  }),
  cancel: (uid) => attempt(async () => {
    await post("cancel", { user: desk.user.address, uid });
    toast("The meeting has been cancelled; everybody has been told.");
  }),
  respond: (id, answer) => attempt(() => post("respond", { user: desk.user.address, id, answer })),
  read: (id) => attempt(() => post("read", { user: desk.user.address, id })),
  moveClock: (change) => attempt(() => post("clock", change)),
  save: async (draft) => {
    const { user } = desk;
    const { uid } = await post("meetings", { user: user.address, ...draft });
    signs.hurry();
    await refresh();
    if (desk.user === user) select(uid);
    if (calendar.narrow.matches) {
      await card.refresh();
      $("meeting").scrollIntoView();
    }
    return uid;
  },
  token: async () => (await post("token", { user: desk.user.address })).token,
};

const steps = new Steps();
const calendar = new Calendar(desk, (start) => compose.create(start));
const card = new MeetingCard(desk, steps);
const inbox = new Inbox(desk);
const compose = new Compose(desk, steps);
const signs = new DoorSigns(desk);

/** Does something at the server, shows what came of it, says what went wrong. */
async function attempt(action) {
  try {
    await action();
    hurry();
    await refresh();
  } catch (problem) {
    toast(problem.message, "bad");
  }
}

function select(uid) {
  desk.selected = uid;
  const meeting = desk.meeting(uid);
  if (meeting) calendar.reveal(new Date(meeting.start));
  calendar.render();
  card.select(uid);
}

// ------------------------------------------------------------------ keeping up

let hastyUntil = 0;
let timer = 0;
let generation = 0;
let newest = null;

/** After something was done, look more often: its consequences are near. */
function hurry() {
  hastyUntil = Date.now() + 8000;
  signs.hurry();
}

/** Settles when the page shows an answer that was asked for no earlier than now. */
function refresh() {
  newest = look();
  return newest;
}

async function look() {
  generation += 1;
  const mine = generation;
  try {
    const state = await get("state", { user: desk.user.address });
    // A newer request is under way: its answer counts.
    if (mine !== generation) return newest;
    desk.skew = new Date(state.now) - Date.now();
    desk.ahead = state.ahead_s;
    desk.meetings = state.meetings;
    desk.inbox = state.inbox;
    inbox.announce();
    alarm(state.problem && "Trouble with the daemon.",
      `${state.problem} Invitations wait in the video room’s mailbox until it is well again.`);
    if (!state.problem && !desk.setup.addin) await setUp();
  } catch (problem) {
    if (mine !== generation) return newest;
    alarm("Nobody is there.", problem.message);
  }
  render();
  return card.refresh();
}

async function loop() {
  clearTimeout(timer);
  if (!document.hidden) await Promise.all([refresh(), signs.refresh()]);
  timer = setTimeout(loop, Date.now() < hastyUntil ? HASTY : PACE);
}

function render() {
  tick();
  calendar.render();
  inbox.render();
  card.render();
  signs.render();
}

function alarm(title, text) {
  desk.problem = title;
  show($("alerts"), title && h("p", { class: "banner" }, h("b", {}, title), h("span", {}, text)));
}

function tick() {
  const now = desk.now();
  $("clock-time").textContent = time(now);
  $("clock-time").dateTime = now.toISOString();
  $("clock-day").textContent = sameDay(now, new Date()) ? "today" : day(now);
  $("clock-reset").hidden = desk.ahead === 0;
  document.querySelector(".clock").classList.toggle("ahead", desk.ahead !== 0);
  calendar.tick();
}

// ------------------------------------------------------------------ the header

for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => desk.moveClock({ advance_s: Number(button.dataset.advance) }));
}
$("clock-reset").addEventListener("click", () => desk.moveClock({ reset: true }));

function seat(user) {
  desk.user = user;
  desk.selected = null;
  sessionStorage.setItem("user", user.address);
  const buttons = desk.setup.users.map((one) =>
    h("button", {
      type: "button",
      role: "radio",
      // By address: a later set-up brings the same people anew.
      "aria-checked": String(one.address === user.address),
      tabindex: one.address === user.address ? "0" : "-1",
      title: one.address,
      onclick: () => change(one),
    }, h("span", { class: "avatar", "aria-hidden": "true" }, initials(one.name)), one.name.split(" ")[0]));
  $("who").replaceChildren(...buttons);
}

async function change(user) {
  seat(user);
  card.select(null);
  desk.meetings = [];
  desk.inbox = [];
  inbox.forget();
  // What is the other's must not be there to be pressed until the answer comes.
  render();
  $("who").querySelector("[aria-checked=true]").focus();
  await refresh();
}

$("who").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const { users } = desk.setup;
  const seated = users.findIndex((user) => user.address === desk.user.address);
  change(users[(seated + step + users.length) % users.length]);
});

const scheme = matchMedia("(prefers-color-scheme: dark)");

function dress() {
  const dark = paint();
  $("theme").replaceChildren(icon(dark ? "sun" : "moon"));
  $("theme").title = dark ? "Light" : "Dark";
  compose.dress();
}

$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme === "dark";
  localStorage.setItem("theme", dark ? "light" : "dark");
  dress();
});
scheme.addEventListener("change", dress);
document.addEventListener("visibilitychange", () => !document.hidden && loop());

// ------------------------------------------------------------------ beginning

async function setUp() {
  desk.setup = await get("setup");
  compose.equip();
  steps.name(desk.setup.addin);
}

async function begin() {
  dress();
  for (;;) {
    try {
      await setUp();
      break;
    } catch (problem) {
      alarm("Nobody is there.", problem.message);
      await new Promise((resume) => setTimeout(resume, PACE));
    }
  }
  const last = sessionStorage.getItem("user");
  seat(desk.setup.users.find((user) => user.address === last) || desk.setup.users[0]);
  // The desk's clock first: it may be in another week than the browser's.
  await refresh();
  calendar.start();
  for (const part of document.querySelectorAll("[inert]")) part.inert = false;
  setInterval(tick, 1000);
  await loop();
  document.body.dataset.ready = "true";
}

begin();
