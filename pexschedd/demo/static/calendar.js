/* A week, or a day of it on a telephone, in the browser's time zone.
 *
 * A week begins on Monday; on a weekend it begins today, for what is to come. */

import { $, h, icon, joinLink, joinSoon, sameDay, time } from "./dom.js";

const MINUTES = 1440;

export class Calendar {
  /** `create(start)` is called for a click into an empty place. */
  constructor(desk, create) {
    this.desk = desk;
    this.create = create;
    this.drawn = "";
    this.narrow = matchMedia("(max-width: 600px)");
    this.narrow.addEventListener("change", () => this.render());
    $("week-back").append(icon("left"));
    $("week-next").append(icon("right"));
    $("week-back").addEventListener("click", () => this.turn(-1));
    $("week-next").addEventListener("click", () => this.turn(1));
    $("week-today").addEventListener("click", () => this.reveal(desk.now()));
    $("new-meeting").addEventListener("click", () => create(null));
  }

  start() {
    this.show(this.desk.now());
    $("scroll").scrollTop = 7.6 * this.hour();
  }

  hour() {
    return $("grid").clientHeight / 24;
  }

  /** A week on or back, or a day where one is shown. */
  turn(way) {
    this.show(plus(this.day, this.narrow.matches ? way : 7 * way));
  }

  /** Turns to a day, and to the seven days that it is one of. */
  show(date) {
    this.day = midnight(date);
    const today = midnight(this.desk.now());
    const ahead = isWeekend(today) && this.day >= today && this.day < plus(today, 7);
    this.first = ahead ? today : mondayOf(this.day);
    this.render();
  }

  /** Turns to a moment's day, and scrolls to its time. */
  reveal(date) {
    this.show(date);
    const top = (minuteOf(date) / 60 - 1) * this.hour();
    const { scrollTop, clientHeight } = $("scroll");
    const visible = clientHeight - $("days").clientHeight;
    if (top < scrollTop || top + 2 * this.hour() > scrollTop + visible) {
      $("scroll").scrollTo({ top, behavior: "smooth" });
    }
  }

  render() {
    if (!this.first) return;
    const { desk } = this;
    const narrow = this.narrow.matches;
    const now = desk.now();
    const key = JSON.stringify([
      desk.meetings, desk.selected, this.first, this.day, narrow, now.toDateString(), Math.floor(now / 60000),
    ]);
    if (key === this.drawn) return;
    this.drawn = key;
    const focused = document.activeElement?.dataset?.uid;
    const chosen = document.activeElement?.dataset?.day;
    const days = Array.from({ length: 7 }, (_, index) => plus(this.first, index));
    $("scroll").classList.toggle("one-day", narrow);
    $("scroll").setAttribute("aria-label", narrow ? "Hours of the day" : "Hours of the week");
    $("week-back").setAttribute("aria-label", narrow ? "Previous day" : "Previous week");
    $("week-next").setAttribute("aria-label", narrow ? "Next day" : "Next week");
    $("week-title").textContent = narrow ? dayTitle(this.day) : titleOf(days[0], days[6]);
    $("days").replaceChildren(h("span"), ...days.map((date) => (narrow ? this.tab(date, now) : head(date, now))));
    $("grid").replaceChildren(hours(), ...(narrow ? [this.day] : days).map((date) => this.column(date, now)));
    if (chosen) $("days").querySelector(`[data-day="${chosen}"]`)?.focus();
    if (focused) $("grid").querySelector(`[data-uid="${CSS.escape(focused)}"]`)?.focus();
    this.tick();
  }

  tick() {
    if (!this.first) return;
    const now = this.desk.now();
    for (const column of $("grid").querySelectorAll(".day")) {
      const line = column.querySelector(".now-line");
      const here = sameDay(new Date(Number(column.dataset.date)), now);
      if (line && !here) line.remove();
      if (!here) continue;
      const mark = line || column.appendChild(h("div", { class: "now-line" }));
      mark.style.top = `${(minuteOf(now) / MINUTES) * 100}%`;
    }
  }

  /** A day's head that turns to it. */
  tab(date, now) {
    const today = sameDay(date, now);
    return h("button", {
      type: "button",
      class: today ? "today" : "",
      "data-day": String(date.getDate()),
      "aria-pressed": String(sameDay(date, this.day)),
      onclick: () => this.show(date),
    }, ...dayNames(date, today));
  }

  column(date, now) {
    const column = h("div", { class: `day${isWeekend(date) ? " weekend" : ""}`, "data-date": String(date.getTime()) });
    column.append(...this.events(date, now));
    column.addEventListener("click", (event) => {
      if (event.target !== column) return;
      const minutes = Math.floor(event.offsetY / this.hour() * 2) * 30;
      const start = new Date(date);
      start.setMinutes(minutes);
      this.create(start);
    });
    return column;
  }

  events(date, now) {
    const end = plus(date, 1);
    const meetings = this.desk.meetings
      .map((meeting) => ({ meeting, from: new Date(meeting.start), to: new Date(meeting.end) }))
      .filter(({ from, to }) => from < end && to > date);
    return sideBySide(meetings).flatMap(({ meeting, from, to, lane, lanes }) => {
      const first = Math.max(0, (from - date) / 60000);
      const last = Math.min(MINUTES, (to - date) / 60000);
      const kinds = ["event"];
      if (meeting.with_room) kinds.push("room");
      if (meeting.repeats) kinds.push("series");
      if (!meeting.mine) kinds.push("theirs");
      if (!meeting.mine && meeting.my_response !== "Accept") kinds.push("open");
      if (to < now) kinds.push("past");
      if (meeting.cancelled) kinds.push("cancelled");
      const element = h("button", {
        type: "button",
        class: kinds.join(" "),
        "data-uid": meeting.uid,
        "aria-pressed": String(meeting.uid === this.desk.selected),
        title: `${meeting.subject}\n${time(from)} – ${time(to)}`,
        onclick: () => this.desk.select(meeting.uid),
      });
      if (meeting.with_room) element.append(icon("video", 16));
      element.append(h("b", {}, meeting.subject || "(no title)"));
      // The title first; the line under it only where there is space for both.
      const lines = Math.floor((((last - first) / 60) * this.hour() - 6) / 15);
      if (lines > 2) element.append(h("span", {}, meeting.location || time(from)));
      element.append(h("span", { class: "unseen" },
        `, ${date.toLocaleDateString("en-GB", { weekday: "long" })} ${time(from)} to ${time(to)}${meeting.with_room ? ", with a video room" : ""}`));
      element.style.setProperty("--lines", String(Math.max(1, lines > 2 ? lines - 1 : lines)));
      element.style.top = `calc(${(first / MINUTES) * 100}% + 1px)`;
      element.style.height = `calc(${((last - first) / MINUTES) * 100}% - 2px)`;
      element.style.left = `calc(${(lane / lanes) * 100}% + 2px)`;
      element.style.width = `calc(${100 / lanes}% - 5px)`;
      if (!joinSoon(meeting, from, to, now)) return [element];
      const join = h("a", {
        class: "join-here", href: joinLink(meeting.uid), target: "_blank", rel: "noopener",
        title: `Join ${meeting.subject}`,
      }, "Join", h("span", { class: "unseen" }, ` ${meeting.subject}`));
      // Over the lower edge of the meeting: a link cannot be inside a button.
      join.style.top = `calc(${(last / MINUTES) * 100}% - 25px)`;
      join.style.left = `calc(${((lane + 1) / lanes) * 100}% - 5px)`;
      return [element, join];
    });
  }
}

/** Gives meetings that overlap lanes beside each other. */
function sideBySide(meetings) {
  const sorted = [...meetings].sort((one, other) => one.from - other.from || other.to - one.to);
  let cluster = [];
  let until = 0;
  const close = () => {
    const lanes = Math.max(0, ...cluster.map((entry) => entry.lane + 1));
    for (const entry of cluster) entry.lanes = lanes;
    cluster = [];
  };
  for (const entry of sorted) {
    if (entry.from >= until) close();
    const taken = new Set(cluster.filter((other) => other.to > entry.from).map((other) => other.lane));
    entry.lane = 0;
    while (taken.has(entry.lane)) entry.lane += 1;
    cluster.push(entry);
    until = Math.max(cluster.length > 1 ? until : 0, entry.to);
  }
  close();
  return sorted;
}

function head(date, now) {
  const today = sameDay(date, now);
  return h("div", { class: today ? "today" : "" }, ...dayNames(date, today));
}

function dayNames(date, today) {
  return [
    date.toLocaleDateString("en-GB", { weekday: "short" }),
    h("b", today ? { "aria-current": "date" } : {}, String(date.getDate())),
  ];
}

function hours() {
  const column = h("div", { class: "hours", "aria-hidden": "true" });
  for (let hour = 1; hour < 24; hour += 1) {
    const label = h("span", {}, `${String(hour).padStart(2, "0")}:00`);
    label.style.top = `${(hour / 24) * 100}%`;
    column.append(label);
  }
  return column;
}

function titleOf(first, last) {
  const year = { day: "numeric", month: "long", year: "numeric" };
  const parts = first.getFullYear() !== last.getFullYear() ? year
    : first.getMonth() !== last.getMonth() ? { day: "numeric", month: "long" } : { day: "numeric" };
  return `${first.toLocaleDateString("en-GB", parts)} – ${last.toLocaleDateString("en-GB", year)}`;
}

const dayTitle = (date) => date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });

const isWeekend = (date) => date.getDay() === 0 || date.getDay() === 6;

function midnight(date) {
  const start = new Date(date);
  start.setHours(0, 0, 0, 0);
  return start;
}

function mondayOf(date) {
  const monday = midnight(date);
  return plus(monday, -((monday.getDay() + 6) % 7));
}

/** Days later, at the same local time even when clocks change. */
function plus(date, days) {
  const moved = new Date(date);
  moved.setDate(moved.getDate() + days);
  return moved;
}

function minuteOf(date) {
  return date.getHours() * 60 + date.getMinutes();
}

