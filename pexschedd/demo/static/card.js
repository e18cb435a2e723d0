/* The selected meeting, and the room that the daemon made for it. */

import { get } from "./api.js";
import { $, day, distance, h, icon, joinLink, moment, show, time, toast } from "./dom.js";

const ANSWERS = {
  Accept: "accepted",
  Decline: "declined",
  Tentative: "maybe",
  Organizer: "organizer",
};

export class MeetingCard {
  constructor(desk, steps) {
    this.desk = desk;
    this.steps = steps;
    this.last = null;
    this.room = null;
    this.problem = "";
    /** Aliases by meeting: a cancelled meeting's alias can still be asked about. */
    this.aliases = JSON.parse(sessionStorage.getItem("aliases") || "{}");
  }

  select(uid) {
    this.room = null;
    this.problem = "";
    this.last = uid ? this.desk.meeting(uid) || null : null;
    this.render();
    this.refresh();
  }

  /** Asks the server about the room of the selected meeting. */
  async refresh() {
    const uid = this.desk.selected;
    const meeting = this.desk.meeting(uid) || this.last;
    if (!uid || !meeting?.with_room || this.desk.problem) return;
    try {
      const room = await get("room", { uid, alias: this.aliases[uid] || "" });
      if (uid !== this.desk.selected) return;
      this.room = room;
      this.problem = "";
      if (room.aliases.length && this.aliases[uid] !== room.aliases[0]) {
        this.aliases[uid] = room.aliases[0];
        sessionStorage.setItem("aliases", JSON.stringify(this.aliases));
      }
      if (room.join?.joinable) this.steps.finish("watch");
    } catch (problem) {
      if (uid !== this.desk.selected) return;
      this.problem = problem.message;
    }
    this.render();
  }

  render() {
    const { desk } = this;
    const current = desk.meeting(desk.selected);
    const meeting = current || this.last;
    if (current) this.last = current;
    if (!desk.selected || !meeting) {
      show($("meeting"), h("div", { class: "empty" }, icon("video", 26),
        h("b", {}, "No meeting selected"), "Select one in the calendar, or write a new one."));
      this.drawn = "";
      return;
    }
    const key = JSON.stringify([meeting, current ? 1 : 0, this.room, this.problem, Math.floor(desk.now() / 30000)]);
    if (key === this.drawn) return;
    this.drawn = key;
    const open = $("meeting").querySelector("details")?.open;
    const focused = document.activeElement?.dataset?.act;
    $("meeting").replaceChildren(
      h("h2", { title: meeting.subject }, meeting.subject || "(no title)"),
      this.facts(meeting),
      this.actions(meeting, current),
      ...(meeting.personal && current && !meeting.cancelled ? [this.ownRoom(meeting)] : []),
      ...(meeting.with_room ? [this.roomCard(meeting, Boolean(current) && !meeting.cancelled)] : []));
    if (open) $("meeting").querySelector("details")?.setAttribute("open", "");
    if (focused) $("meeting").querySelector(`[data-act="${focused}"]`)?.focus();
  }

  facts(meeting) {
    const start = new Date(meeting.start);
    const end = new Date(meeting.end);
    const guests = meeting.guests.map((guest) => h("span", { class: `guest ${guest.response}`, title: guest.address },
      h("b", {}, guest.name), ANSWERS[guest.response] && h("i", {}, ANSWERS[guest.response])));
    return h("div", { class: "facts" },
      h("div", {}, icon("clock", 18), h("span", {}, `${day(start)}, ${time(start)} – ${time(end)}`)),
      meeting.repeats && h("div", {}, icon("again", 18), h("span", {}, series(meeting))),
      meeting.location && h("div", {}, icon("place", 18), h("span", { class: "place", title: meeting.location }, meeting.location)),
      guests.length > 0 && h("div", {}, icon("people", 18), h("span", { class: "guests" }, guests)),
      !meeting.mine && h("div", {}, icon("edit", 18), h("span", {}, `Organized by ${meeting.organizer.name}`)));
  }

  actions(meeting, current) {
    if (!current) return h("div", { class: "actions" }, h("span", { class: "pill bad" }, "Cancelled"));
    if (meeting.cancelled) return h("div", { class: "actions" }, h("span", { class: "pill bad" }, "Cancelled by the organizer"));
    if (!meeting.mine) return "";
    return h("div", { class: "actions" },
      !meeting.with_room && !meeting.personal && h("button", { type: "button", class: "primary", "data-act": "add", onclick: () => this.desk.edit(meeting.uid, true) },
        icon("video", 18), "Add a video room"),
      h("button", { type: "button", "data-act": "edit", onclick: () => this.desk.edit(meeting.uid) }, icon("edit", 18), "Edit"),
      h("button", { type: "button", class: "danger", "data-act": "cancel", onclick: () => this.desk.cancel(meeting.uid) }, "Cancel meeting"));
  }

  // ---------------------------------------------------------------- the room

  /** Somebody's own room is always open; the daemon has nothing to schedule. */
  ownRoom(meeting) {
    const href = `/desk/join?${new URLSearchParams({ room: meeting.personal })}`;
    return h("div", { class: "room-card", role: "group", "aria-label": "Personal room", "data-room": "personal" },
      h("div", { class: "join-state open" }, icon("unlock"),
        h("div", {}, h("b", {}, "A room of one’s own"), h("span", {}, meeting.personal)), h("span", { class: "pill good" }, "Always open")),
      h("div", { class: "actions" }, h("a", { class: "button primary", href, target: "_blank", rel: "noopener", "data-act": "join" },
        icon("video", 16), "Join")));
  }

  roomCard(meeting, alive) {
    const { room } = this;
    const card = h("div", { class: "room-card", role: "group", "aria-label": "Video room", "data-room": room?.state || "" });
    if (this.problem) {
      card.append(h("p", { class: "waiting" }, this.problem));
    } else if (!room) {
      card.append(h("p", { class: "waiting" }, h("span", { class: "spinner" }), "Asking the daemon …"));
    } else if (room.state === "waiting") {
      const declined = meeting.guests.some((guest) => guest.response === "Decline" && guest.address === this.desk.setup.addin?.room_address);
      card.append(declined
        ? h("p", { class: "waiting" }, "The video room has declined; its answer in the inbox says why.")
        : h("p", { class: "waiting" }, h("span", { class: "spinner" }), "The video room has been invited and will answer in a moment."));
    } else {
      card.append(this.joinState(room, alive));
      if (room.state === "scheduled") card.append(this.window(meeting, room));
      card.append(this.dial(room), this.journey(meeting, room, alive), this.raw(room));
    }
    return card;
  }

  /** May people join now? Only the daemon's answer counts, the rest is how to say it. */
  joinState(room, alive) {
    const now = this.desk.now();
    const state = (kind, name, title, text, pill) => h("div", { class: `join-state ${kind}` },
      icon(name), h("div", {}, h("b", {}, title), h("span", {}, text)), h("span", { class: `pill ${pill[0]}` }, pill[1]));
    if (room.state === "gone") {
      const title = alive ? "No longer joinable" : "The room is gone";
      return state("gone", "lock", title, room.join?.reason || "Nobody can join any more.", ["bad", "Gone"]);
    }
    const opens = new Date(room.opens);
    const closes = new Date(room.closes);
    if (room.join?.joinable) {
      return state("open", "unlock", "Joinable now", `Open until ${moment(closes, now)}`, ["good", "Open"]);
    }
    if (now < opens) {
      return state("", "lock", `Opens ${moment(opens, now)}`, `Closed for another ${distance(opens - now)}`, ["wait", "Closed"]);
    }
    return state("gone", "lock", "Over", room.join?.reason || `Closed since ${moment(closes, now)}`, ["bad", "Closed"]);
  }

  window(meeting, room) {
    const opens = new Date(room.opens);
    const closes = new Date(room.closes);
    const span = closes - opens;
    const margin = span * 0.12;
    const at = (date) => `${Math.min(100, Math.max(0, ((date - opens + margin) / (span + 2 * margin)) * 100))}%`;
    const part = (kind, from, to) => {
      const piece = h("i", { class: kind });
      piece.style.left = at(from);
      piece.style.right = `calc(100% - ${at(to)})`;
      return piece;
    };
    const track = h("div", { class: "track", "aria-hidden": "true" },
      part("joinable", opens, closes), part("core", new Date(meeting.start), new Date(meeting.end)));
    const now = this.desk.now();
    if (now - opens > -margin && closes - now > -margin) {
      const marker = h("i", { class: "marker" });
      marker.style.left = at(now);
      track.append(marker);
    }
    return h("div", { class: "window-bar" }, track, h("p", { class: "scale" },
      h("span", {}, "opens ", h("b", {}, time(opens))),
      h("span", {}, "meeting ", h("b", {}, `${time(new Date(meeting.start))} – ${time(new Date(meeting.end))}`)),
      h("span", {}, "closes ", h("b", {}, time(closes)))));
  }

  dial(room) {
    return h("dl", { class: "aliases" }, room.aliases.map((alias) => h("div", {},
      h("dt", {}, alias.includes("@") ? "Video" : "Phone"),
      h("dd", {}, h("code", {}, alias), h("button", {
        type: "button",
        class: "icon-button",
        "aria-label": `Copy ${alias}`,
        "data-act": `copy-${alias}`,
        onclick: () => copy(alias),
      }, icon("copy", 16))))));
  }

  journey(meeting, room, alive) {
    const now = this.desk.now();
    const to = (label, date) => h("button", {
      type: "button",
      "data-act": label,
      onclick: () => this.desk.moveClock({ to: date.toISOString() }),
    }, icon("clock", 16), label);
    if (room.state !== "scheduled") return "";
    const opens = new Date(room.opens);
    const closes = new Date(room.closes);
    return h("div", { class: "actions" },
      alive && h("a", { class: `button${room.join?.joinable ? " primary" : ""}`, href: joinLink(meeting.uid), target: "_blank", rel: "noopener", "data-act": "join" },
        icon("video", 16), "Join"),
      now < opens && to("Move the clock to the opening", opens),
      now >= opens && now < closes && to("Move the clock to the end", closes));
  }

  raw(room) {
    if (!room.join) return "";
    return h("details", {}, h("summary", {}, "What a conferencing node is told"),
      h("pre", {}, `GET /policy/v1/service/configuration?local_alias=${room.join.alias}\n\n${JSON.stringify(room.join.answer, null, 2)}`));
  }
}

function series({ repeats, times }) {
  const pattern = { daily: "Every day", weekly: "Every week" }[repeats] || "A series";
  return times ? `${pattern}, ${times} times, always in the same room` : `${pattern}, always in the same room`;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not let the desk copy; select the text instead.", "bad");
  }
}
