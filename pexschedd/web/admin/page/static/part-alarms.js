/* Alarms in words. */

import { get, list } from "./api.js";
import { h, icon } from "./dom.js";
import { ago, when } from "./format.js";

export const TITLES = {
  scheduling_answer_failed: "Exchange refused an answer for good",
  scheduling_application_certificate_expires: "An application’s certificate expires",
  scheduling_ca_certificate_expires: "A trusted certificate expires",
  scheduling_calendar_differs: "Calendar and rooms disagree",
  scheduling_clock: "The clocks differ",
  scheduling_disk_low: "The disk is nearly full",
  scheduling_exchange_certificate: "Exchange’s certificate is not trusted",
  scheduling_exchange_certificate_expires: "Exchange’s certificate expires",
  scheduling_exchange_impersonation_refused: "The service account may not act for the mailbox",
  scheduling_exchange_metadata: "The keys of users’ tokens cannot be read",
  scheduling_exchange_refused: "Exchange refuses",
  scheduling_exchange_sign_in_needed: "A person has to sign in to the service account",
  scheduling_exchange_sign_in_refused: "Exchange does not let the service account in",
  scheduling_exchange_throttled: "Exchange is too busy",
  scheduling_exchange_unreachable: "Exchange cannot be reached",
  scheduling_internal_error: "An error in pexschedd itself",
  scheduling_mailbox_processes_automatically: "Exchange answers requests by itself",
  scheduling_mailbox_used_by_another: "Another installation uses the mailbox",
  scheduling_message_set_aside: "A message was set aside",
  scheduling_organizer_refused: "A meeting could not be rewritten for its organizer",
  scheduling_own_certificate_expires: "Our own certificate expires",
  scheduling_queue_not_draining: "Messages wait for their answers",
  scheduling_store_damaged: "Stored data was damaged",
  scheduling_user_sign_in_secret_refused: "The secret for users’ sign-in is refused",
};

export const titleOf = (alarm) => TITLES[alarm.name] || alarm.name;

const PARAGRAPHS = /\n+/;

/** An alarm with what it says to do; `integrations` are known by their names. */
export function alarmItem(alarm, integrations = []) {
  const about = integrations.find((each) => each.name === alarm.instance);
  return h("li", { class: "alarm" },
    icon(alarm.time_lowered ? "check" : "alarm"),
    h("div", {},
      h("h3", {}, titleOf(alarm)),
      alarm.instance && h("p", { class: "soft small wrap" }, about ? h("a", { href: `#/integrations/${about.id}` }, alarm.instance) : alarm.instance),
      (alarm.details || "").split(PARAGRAPHS).map((text) => text && h("p", { class: "wrap" }, text)),
      h("p", { class: "soft small" },
        alarm.time_lowered ? ["From ", when(alarm.time_raised), " until ", when(alarm.time_lowered)] : ["Since ", ago(alarm.time_raised)],
        " · ", h("code", {}, alarm.name))));
}

export const raisedAlarms = (signal) => list("status/v1/alarm/", { order_by: "-time_raised", limit: 200 }, signal);
export const pastAlarms = (signal, offset = 0) =>
  get("history/v1/alarm/", { order_by: "-time_raised", time_lowered__isnull: "False", limit: 50, offset }, signal);
