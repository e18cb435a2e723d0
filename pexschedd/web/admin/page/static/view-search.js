/* Conferences, handed-out aliases and messages, by what an administrator has at hand. */

import { list } from "./api.js";
import { card, empty, h, head, icon, notice } from "./dom.js";
import { when } from "./format.js";
import { changeItem, changes, messageItem, messages } from "./part-history.js";
import { setAsideItem } from "./part-set-aside.js";

const MOST = 50;
const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$|^[0-9a-f]{8}-\d+$/i;

const CONFERENCES = "configuration/v1/conference/";

/** The tag of an invitation has the alias's UUID in it. */
const uuidIn = (text) => /PXPS:-([0-9a-f-]{36})/i.exec(text)?.[1] || text;

/** Each question that could be meant, exact ones first; the answers are put together by id. */
function questions(text) {
  const small = text.toLowerCase();
  const id = uuidIn(text);
  if (ID.test(id)) {
    const correlation = [{ correlation_id: id }];
    return { conferences: [], aliases: [{ uuid: id }], messages: correlation, changes: correlation, setAside: correlation };
  }
  const address = small.includes("@");
  return {
    conferences: [
      { aliases__alias: text },
      small !== text && { aliases__alias: small },
      address && { primary_owner_email_address: small },
      !address && text.length > 2 && { aliases__alias__istartswith: text },
      { [address ? "primary_owner_email_address__iexact" : "name__icontains"]: text },
    ].filter(Boolean),
    aliases: [address ? { alias__iexact: text } : { numeric_alias: text }],
    messages: [address ? { organizer: small } : { alias__istartswith: text }, address && { alias__iexact: text }].filter(Boolean),
    changes: [],
    setAside: [],
  };
}

async function together(path, queries, signal) {
  const found = new Map();
  let most = false;
  for (const answer of await Promise.all(queries.map((query) => list(path, { ...query, order_by: "-id", limit: MOST }, signal)))) {
    most ||= answer.total > MOST;
    for (const record of answer) found.set(record.id, record);
  }
  return Object.assign([...found.values()], { most });
}

const conferenceItem = (room) =>
  h("li", { class: "hit" }, icon("video"),
    h("div", {},
      h("h3", {}, h("a", { href: `#/conferences/${room.id}` }, room.name)),
      h("p", { class: "soft small wrap" },
        (room.aliases || []).map((each) => each.alias).join(", "), room.primary_owner_email_address && ` · ${room.primary_owner_email_address}`)));

const aliasItem = (alias) =>
  h("li", { class: "hit" }, icon("key"),
    h("div", {}, h("h3", {}, h("code", {}, alias.alias)),
      h("p", { class: "soft small" }, "Handed out ", when(alias.creation_time),
        alias.conference_deletion_time ? [", its room was deleted ", when(alias.conference_deletion_time)] : alias.is_used ? ", in use" : ", not used by a meeting yet"),
      h("p", { class: "soft small" }, "Tag: ", h("code", {}, alias.uuid))));

async function open(view) {
  const text = (view.query.get("q") || "").trim().slice(0, 200);
  document.getElementById("search-text").value = text;
  view.title(text ? `${text} – search` : "Search");
  const asked = questions(text);
  const [rooms, aliases, told, changed, setAside] = text
    ? await Promise.all([
      together(CONFERENCES, asked.conferences, view.signal),
      together("configuration/v1/scheduled_alias/", asked.aliases, view.signal),
      messages(asked.messages, view.signal),
      changes(asked.changes, view.signal),
      together("status/v1/exchange_set_aside_message/", asked.setAside, view.signal),
    ])
    : [[], [], [], [], []];
  const count = rooms.length + aliases.length + told.length + changed.length + setAside.length;
  const parts = [
    rooms.length > 0 && card("Conferences", null, h("ul", { class: "rows" }, rooms.map(conferenceItem))),
    aliases.length > 0 && card("Handed-out aliases", null, h("ul", { class: "rows" }, aliases.map(aliasItem))),
    told.length > 0 && card("Messages", null, h("ul", { class: "rows" }, told.map((each) => messageItem(each, true)))),
    setAside.length > 0 && card("Set aside", null, h("ul", { class: "rows" }, setAside.map((each) => setAsideItem(each)))),
    changed.length > 0 && card("Changes", null, h("ul", { class: "rows" }, changed.map((each) => changeItem(each, true)))),
    (rooms.most || aliases.most) && notice("", "info", `There are more: the first ${MOST} of each kind are shown.`),
    count === 0 && h("section", { class: "card" }, empty("search", text ? "Nothing was found" : "What are you looking for?",
      "An alias or its number, an organizer’s address, a part of a conference’s name, the correlation id of an answer, or the tag of an invitation.")),
  ];
  view.root.replaceChildren(
    head(text ? `Search: ${text}` : "Search", { text: text && h("span", { role: "status" }, count === 1 ? "1 result" : `${count} results`) }),
    h("div", { class: "stack" }, parts));
}

export { open as show };
