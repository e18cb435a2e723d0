/* What somebody finds who follows a join link: the room, or why it is closed. */

import { get } from "./api.js";
import { $, moment, paint } from "./dom.js";

const PACE = 1000;
const query = Object.fromEntries(new URLSearchParams(location.search));

async function look() {
  try {
    tell(await get("join", query));
  } catch (problem) {
    say("gone", "The room cannot be asked for", problem.message);
  }
  setTimeout(look, PACE);
}

function tell(room) {
  const time = (iso) => moment(new Date(iso), new Date(room.now));
  if (room.join?.joinable && room.state === "personal") {
    say("open", "You would be in the room now", "It is always open.", room.name);
  } else if (room.join?.joinable) {
    say("open", "You would be in the room now", `It is open until ${time(room.closes)}.`, room.name);
  } else if (room.state === "waiting") {
    say("closed", "There is no room yet", "The invitation has not been answered yet.");
  } else if (room.state === "scheduled" && new Date(room.now) < new Date(room.opens)) {
    say("closed", "The room is not open yet", `It opens ${time(room.opens)}. This page stays: move the clock, and you are in.`, room.name);
  } else {
    say("gone", "The room is closed", room.join?.reason || "Nobody can join any more.", room.name);
  }
}

function say(state, title, text, name = "") {
  $("room").dataset.state = state;
  for (const [id, words] of Object.entries({ title, text, name })) {
    if ($(id).textContent !== words) $(id).textContent = words;
  }
}

paint();
look();
