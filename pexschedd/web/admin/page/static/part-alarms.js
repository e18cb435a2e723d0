/* Alarms in words. */

import { get, list } from "./api.js";
import { h, icon } from "./dom.js";
import { ago, when } from "./format.js";

export const TITLES = {
  one_touch_calendar_processing: "Rooms delete what a Join button is found in",
  one_touch_exchange_failed: "No room of a deployment can be read",
  one_touch_notifications_failed: "Changes of rooms’ calendars are not reported",
  one_touch_quota: "The quota of calendar requests is nearly used up",
  one_touch_rooms_not_read: "Rooms cannot be read",
  one_touch_service_not_recognised: "A service’s invitations are not understood",
  one_touch_endpoint_certificate: "No trustworthy connection to room systems",
  one_touch_endpoint_credentials_refused: "Room systems refuse their account",
  one_touch_endpoint_refuses: "Room systems do not take meetings",
  one_touch_endpoint_unreachable: "Room systems cannot be reached",
  one_touch_endpoint_without_meetings: "A room system asks for meetings in vain",
  one_touch_webex_refuses: "Webex does not take meetings for room systems",
  one_touch_webex_sign_in_needed: "An administrator has to sign in at Webex",
  one_touch_webex_unreachable: "Room systems cannot be reached through Webex",
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
  scheduling_own_certificate_unusable: "Our own certificate cannot be renewed",
  scheduling_queue_not_draining: "Messages wait for their answers",
  scheduling_store_damaged: "Stored data was damaged",
  scheduling_user_sign_in_secret_refused: "The secret for users’ sign-in is refused",
};

/* What to do, where an alarm's own text says what is wrong; empty where that says both. */
export const REMEDIES = {
  one_touch_calendar_processing: "",
  one_touch_exchange_failed: "Check the deployment’s EWS URL and its service account; with OAUTH, sign in to that below the integrations. Over Graph: its application and the token URL.",
  one_touch_notifications_failed: "Load balancers and proxies must keep an answer open for 30 minutes. Or set the deployment’s notification method to POLL.",
  one_touch_quota: "",
  one_touch_rooms_not_read: "Check that each room is in the group that the management scope of the service account, or of the application, is for.",
  one_touch_service_not_recognised: "",
  one_touch_endpoint_certificate: "Upload the authority of the certificates, or set verify_cert to NO.",
  one_touch_endpoint_credentials_refused: "Correct the account in the profile or at the endpoint; it is tried at once.",
  one_touch_endpoint_refuses: "Look at what each endpoint says; mjx_endpoint/check/ tries one.",
  one_touch_endpoint_without_meetings: "Check that its room is read: the endpoint has a group, and the group a profile.",
  one_touch_endpoint_unreachable: "Look at the addresses and the network; they are tried again by themselves.",
  one_touch_webex_refuses: "Look at what is said of each room system, its webex_device_id and the permissions at Webex.",
  one_touch_webex_sign_in_needed: "Open the page that the alarm names, and sign in at Webex.",
  one_touch_webex_unreachable: "Look at the network, and in Control Hub whether the devices are online; they are tried again by themselves.",
  scheduling_answer_failed: "Tell the organizer: they got the general error, or no answer. The correlation id finds the message in the log.",
  scheduling_application_certificate_expires: "",
  scheduling_ca_certificate_expires: "",
  scheduling_calendar_differs: "Compare the mailbox’s calendar with the rooms; what the daemon does not correct by itself needs a person.",
  scheduling_clock: "Synchronise this machine’s clock and Exchange’s by NTP.",
  scheduling_disk_low: "Make room on the disk of the state folder. Nothing is lost meanwhile.",
  scheduling_exchange_certificate: "Renew the certificate on Exchange, or upload the authority that has issued it.",
  scheduling_exchange_certificate_expires: "",
  scheduling_exchange_impersonation_refused: "Give the service account the role ApplicationImpersonation for the mailbox: the set-up script has the commands.",
  scheduling_exchange_metadata: "Look at the metadata domains: name, certificate and way. The doctor names what is wrong.",
  scheduling_exchange_refused: "Look at the EWS URL’s path, the mailbox and its address. A changed integration is tried at once.",
  scheduling_exchange_sign_in_needed: "Make a sign-in link at the integration, and have the person who knows the account open it.",
  scheduling_exchange_sign_in_refused: "Correct name, password or sign-in method of the service account; look whether it is locked.",
  scheduling_exchange_throttled: "Wait, or give the service account the throttling policy of the set-up script.",
  scheduling_exchange_unreachable: "Look at name, port and way to Exchange; it is tried again by itself.",
  scheduling_internal_error: "Send the log’s traceback to the developers. It is tried again by itself.",
  scheduling_mailbox_processes_automatically: "Switch the mailbox’s own answers off: Set-CalendarProcessing … -AutomateProcessing None.",
  scheduling_mailbox_used_by_another: "Give each installation a mailbox of its own, or stop the other one.",
  scheduling_message_set_aside: "Look at the message in the mailbox; delete its entry when you have seen it.",
  scheduling_organizer_refused: "Let the service account impersonate the organizer, too.",
  scheduling_own_certificate_expires: "",
  scheduling_own_certificate_unusable: "",
  scheduling_queue_not_draining: "Run the doctor on the integration: usually Exchange is busy, or refuses.",
  scheduling_store_damaged: "Look at the disk; the next start verifies everything.",
  scheduling_user_sign_in_secret_refused: "Make a new client secret at the identity provider and enter it in the integration.",
};

/* The same for an integration that uses Microsoft Graph, where another title or remedy is right. */
export const GRAPH_TITLES = {
  scheduling_exchange_certificate: "Microsoft Graph’s certificate is not trusted",
  scheduling_exchange_impersonation_refused: "The application may not act for the mailbox",
  scheduling_exchange_refused: "Microsoft Graph refuses",
  scheduling_exchange_sign_in_refused: "The application is not let in",
  scheduling_exchange_throttled: "Microsoft Graph is too busy",
  scheduling_exchange_unreachable: "Microsoft Graph cannot be reached",
};

export const GRAPH_REMEDIES = {
  scheduling_exchange_certificate: "A proxy on the way opens the connection: exempt Microsoft Graph and the token endpoint from that, or upload the proxy’s authority.",
  scheduling_exchange_impersonation_refused: "Give the application its roles for the mailbox: the set-up script does. They take up to two hours to work.",
  scheduling_exchange_metadata: "Look at the token type of the add-in, and at its OpenID configuration. The doctor names what is wrong.",
  scheduling_exchange_refused: "Look at the mailbox, its address and the application’s roles. A changed integration is tried at once.",
  scheduling_exchange_sign_in_refused: "Correct the application’s id, its secret or certificate, or the tenant in the token endpoint.",
  scheduling_exchange_throttled: "Wait. Graph’s limits are fixed: several integrations, each with a mailbox of its own, have more.",
  scheduling_exchange_unreachable: "Look at the way to Microsoft Graph and to the token endpoint; it is tried again by itself.",
  scheduling_mailbox_processes_automatically: "Have Exchange enter requests and answer none: Set-CalendarProcessing … -AutomateProcessing AutoUpdate.",
  scheduling_organizer_refused: "Give the application the role for organizers, within a scope that has this one: the set-up script does.",
};

const wordsFor = (alarm, words, graphs, integration) =>
  (integration?.mailbox_protocol === "GRAPH" && graphs[alarm.name]) || words[alarm.name];

const PARAGRAPHS = /\n+/;

/** An alarm with what it says to do; `integrations` are known by their names. On the page of one, `own` is that. */
export function alarmItem(alarm, integrations = [], own = null) {
  const about = integrations.find((each) => each.name === alarm.instance);
  const remedy = wordsFor(alarm, REMEDIES, GRAPH_REMEDIES, about || own);
  return h("li", { class: "alarm" },
    icon(alarm.time_lowered ? "check" : "alarm"),
    h("div", {},
      h("h3", {}, wordsFor(alarm, TITLES, GRAPH_TITLES, about || own) || alarm.name),
      alarm.instance && h("p", { class: "soft small wrap" }, about ? h("a", { href: `#/integrations/${about.id}` }, alarm.instance) : alarm.instance),
      (alarm.details || "").split(PARAGRAPHS).map((text) => text && h("p", { class: "wrap" }, text)),
      !alarm.time_lowered && remedy && h("p", {}, h("b", {}, "What to do: "), remedy,
        about && [" ", h("a", { href: `#/integrations/${about.id}` }, "Let the doctor look")]),
      h("p", { class: "soft small" },
        alarm.time_lowered ? ["From ", when(alarm.time_raised), " until ", when(alarm.time_lowered)] : ["Raised ", ago(alarm.time_raised)],
        " · ", h("code", {}, alarm.name))));
}

export const raisedAlarms = (signal) => list("status/v1/alarm/", { order_by: "-time_raised", limit: 200 }, signal);
export const pastAlarms = (signal, offset = 0) =>
  get("history/v1/alarm/", { order_by: "-time_raised", time_lowered__isnull: "False", limit: 50, offset }, signal);
