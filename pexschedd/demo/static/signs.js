/* The door signs of the meeting rooms, small: what a sign says at a moment is its own script's. */

import { get } from "./api.js";
import { $, day, h, icon, moment, sameDay, show, time, toast } from "./dom.js";

const PACE = 10000;
const HASTY = 2000;
/** After something was done: it reaches Exchange, the daemon's list, and then the sign. */
const UNTIL_IT_SHOWS = 45000;

export class DoorSigns {
  constructor(desk) {
    this.desk = desk;
    this.rooms = [];
    this.problem = "";
    this.asked = 0;
    this.hastyUntil = 0;
    $("signs").addEventListener("click", (event) => this.press(event));
  }

  hurry() {
    this.hastyUntil = Date.now() + UNTIL_IT_SHOWS;
  }

  async refresh() {
    const soon = Date.now() < this.hastyUntil;
    if (Date.now() - this.asked < (soon ? HASTY : PACE)) return;
    this.asked = Date.now();
    try {
      this.rooms = await get("signs", soon ? { soon: "yes" } : {});
      this.problem = "";
    } catch (problem) {
      this.problem = problem.message;
    }
    this.render();
  }

  render() {
    const focused = document.activeElement?.closest?.(".sign")?.dataset.room;
    show($("signs"), ...this.rooms.map((room) => this.sign(room)));
    if (focused && document.activeElement === document.body) {
      $("signs").querySelector(`[data-room="${focused}"] :is(button, a)`)?.focus();
    }
  }

  sign(room) {
    const now = this.desk.now();
    const state = room.read ? window.roomDisplay.stateAt(window.roomDisplay.read(room.meetings), now.getTime()) : null;
    const kind = state ? state.kind : "unknown";
    return h("article", { class: "sign", "data-state": kind, "data-room": room.address, "aria-label": room.name },
      h("div", { class: "panel" },
        h("h3", {}, room.name),
        h("p", { class: "word" }, state ? { free: "Free", soon: "Free", busy: "In use" }[kind] : "One moment"),
        h("p", { class: "until" }, state ? until(state, now) : "")),
      h("div", { class: "beside" }, this.problem || room.problem
        ? h("p", { class: "next" }, this.problem || room.problem)
        : this.meeting(room, state, now),
      room.door && h("p", { class: "links" },
        h("a", { href: room.door, target: "_blank", rel: "noopener" }, "Door sign"),
        h("a", { href: room.inside, target: "_blank", rel: "noopener" }, "Screen in the room"))));
  }

  /** What people come for: the meeting to join, or the one that is on or comes next. */
  meeting(room, state, now) {
    if (!state) return h("p", { class: "next" }, "Its calendar has not been read yet.");
    const meeting = state.joinable || state.current || state.next;
    if (!meeting) return h("p", { class: "next" }, `No meetings. Invite ${room.name}, and they appear here.`);
    const when = meeting.start > now.getTime() ? `Next, ${moment(new Date(meeting.start), now)}` : `Since ${time(new Date(meeting.start))}`;
    return [
      h("p", { class: "next" }, when),
      h("p", { class: "title", title: meeting.title }, meeting.title),
      h("div", { class: "actions" }, this.button(room, meeting, state, now)),
    ];
  }

  button(room, meeting, state, now) {
    const { join } = meeting;
    if (!join) return h("span", { class: "pill" }, "Nothing to join");
    if (state.joinable === meeting) {
      return h("button", {
        type: "button", class: "primary", "data-dial": join.address, "data-name": room.name, title: join.address,
      }, icon("video", 16), `Join${join.service ? ` · ${join.service}` : ""}`);
    }
    if (now.getTime() >= join.until) return h("span", { class: "pill" }, "Over");
    return h("button", {
      type: "button", "data-to": new Date(join.from).toISOString(), title: `Join appears ${moment(new Date(join.from), now)}`,
    }, icon("clock", 16), "Move the clock to Join");
  }

  press(event) {
    const { dataset } = event.target.closest("button") || { dataset: {} };
    if (dataset.to) this.desk.moveClock({ to: dataset.to });
    if (dataset.dial) toast(`The system in ${dataset.name} would dial ${dataset.dial} now.`);
  }
}

function until(state, now) {
  if (state.until === null) return "No more meetings";
  const end = new Date(state.until);
  return sameDay(end, now) ? `until ${time(end)}` : `until ${day(end)}, ${time(end)}`;
}
