/* A conference: its addresses, when it is open, and its whole history. */

import { get, list } from "./api.js";
import { body, card, copyButton, empty, facts, h, head, icon, pill } from "./dom.js";
import { day, clock, parse, plural, sameDay, stamp, when } from "./format.js";
import { changeItem, changes, messageItem, messages } from "./part-history.js";

const SHOWN = 20;

function windowWords(meeting) {
  const [start, end] = [parse(meeting.start_time), parse(meeting.end_time)];
  return `${day(start)}, ${clock(start)} – ${sameDay(start, end) ? "" : `${day(end)}, `}${clock(end)}`;
}

function stateOf(meetings, isScheduled) {
  const now = new Date();
  if (!isScheduled) return pill("room", "Always open");
  const open = meetings.find((each) => parse(each.start_time) <= now && now < parse(each.end_time));
  if (open) return pill("good", icon("check", 14), `Open until ${clock(parse(open.end_time))}`);
  const next = meetings.filter((each) => parse(each.start_time) > now).sort((one, other) => parse(one.start_time) - parse(other.start_time))[0];
  return next ? pill("wait", icon("clock", 14), `Opens ${day(parse(next.start_time))}, ${clock(parse(next.start_time))}`) : pill("", "Closed");
}

/** What happened to a room, newest first. */
async function historyOf(view, id) {
  const [told, changed] = await Promise.all([
    messages([{ conference_id: id }], view.signal),
    changes([{ resource: "conference", object_id: id }], view.signal),
  ]);
  return [
    ...told.map((each) => [each.time, messageItem(each)]),
    ...changed.map((each) => [each.time, changeItem(each)]),
  ].sort(([one], [other]) => parse(other) - parse(one)).map(([, item]) => item);
}

const historyCard = (items) =>
  card("History", h("span", { class: "soft small" }, "newest first"), items.length
    ? h("ul", { class: "rows" }, items)
    : empty("clock", "Nothing is recorded", "Messages are kept for 30 days."));

/** A room that has been deleted, such as one of a meeting that was cancelled. */
function gone(view, id, items) {
  view.title("A room that is gone");
  view.root.replaceChildren(
    head("A room that is gone", { crumb: h("a", { href: "#/rooms" }, "Rooms"), text: `There is no conference ${id} any more, or there never was.`, actions: [pill("", "Deleted")] }),
    h("div", { class: "stack" }, historyCard(items)));
}

async function open(view) {
  const id = Number(view.match[1]);
  const history = historyOf(view, id);
  const room = await get(`configuration/v1/conference/${id}/`, {}, view.signal).catch((problem) => {
    if (problem.status === 404) return null;
    throw problem;
  });
  if (!room) return gone(view, id, await history);
  const [meetings, series, items] = await Promise.all([
    list("configuration/v1/scheduled_conference/", { conference: id, order_by: "start_time", limit: 1000 }, view.signal),
    list("configuration/v1/recurring_conference/", { conference: id }, view.signal),
    history,
  ]);
  view.title(room.name);
  if (room.creation_time) {
    items.push(h("li", { class: "verdict" }, icon("plus"), h("div", {}, h("h3", { class: "dated" }, "The room was made ", h("span", { class: "soft small" }, when(room.creation_time))),
      room.vmr_origin && h("p", { class: "soft" }, room.vmr_origin))));
  }
  const now = stamp(new Date());
  const upcoming = meetings.filter((each) => each.end_time >= now);
  const isScheduled = meetings.length > 0 || series.length > 0;
  view.root.replaceChildren(
    head(room.name, { crumb: h("a", { href: "#/rooms" }, "Rooms"), text: room.description && h("span", { class: "wrap" }, room.description), actions: [stateOf(meetings, isScheduled)] }),
    h("div", { class: "columns" },
      h("div", { class: "stack" },
        historyCard(items)),
      h("div", { class: "stack" },
        card("Addresses", null, body(room.aliases.length
          ? h("ul", { class: "addresses" }, room.aliases.map((each) => h("li", {}, h("code", {}, each.alias), copyButton(each.alias, each.alias))))
          : h("p", { class: "soft" }, "It has no alias: nobody can join."))),
        card("Meetings", isScheduled && h("span", { class: "soft small" }, [meetings.length && plural(meetings.length, "date"), series.length && "a series"].filter(Boolean).join(", ")), body(isScheduled
          ? h("ul", { class: "soon" }, (upcoming.length ? upcoming : meetings).slice(0, SHOWN).map((each) => h("li", {}, h("span", { class: "name number" }, windowWords(each)), each.recurring_conference && h("span", { class: "soft small" }, "series"))))
          : h("p", { class: "soft" }, "It has no schedule: a room that an administrator has made."))),
        card("Room", null, body(facts(
          ["Organizer or owner", room.primary_owner_email_address ? h("a", { href: `#/search?q=${encodeURIComponent(room.primary_owner_email_address)}` }, room.primary_owner_email_address) : "–"],
          ["Kind", room.service_type],
          ["Guests", room.allow_guests ? "allowed" : "everybody is a host"],
          room.tag && ["Tag", room.tag],
          ["Came from", room.vmr_origin || "an administrator"],
          ["Id", h("code", {}, id)]))))));
}

export { open as show };
