/* One integration: its health, its files, its service account, and the doctor. */

import { download, get, list } from "./api.js";
import { body, button, card, facts, h, head, notice, save, show } from "./dom.js";
import { ago, duration } from "./format.js";
import { alarmItem, raisedAlarms } from "./part-alarms.js";
import { byHour, messageChart } from "./part-chart.js";
import { doctorCard } from "./part-check.js";
import { accountCard } from "./part-account.js";
import { setAsideCard } from "./part-set-aside.js";
import { mayRead } from "./session.js";
import { healthPill, noticed, queueWords } from "./view-integrations.js";

const RESOURCE = "configuration/v1/ms_exchange_connector";

const METHODS = {
  BASIC: "Basic",
  NTLM: "NTLM",
  KERBEROS: "Kerberos",
  OAUTH: "OAuth, as a service account",
  APP_PERM: "OAuth, as an application",
};

const stateFacts = (state) =>
  facts(
    ["Last activity", ago(state.last_activity)],
    ["Queue", queueWords(state)],
    ["New messages", noticed(state), state.back_off > 0 && `; Exchange may be asked again in ${duration(state.back_off)}`],
    ["Set aside", state.set_aside_count ? `${state.set_aside_count}` : "none"]);

const usesGraph = (record) => record.mailbox_protocol === "GRAPH";

/** How the mailbox's server is signed in to: with Graph as an application, whatever EWS would use. */
function signIn(record) {
  const name = usesGraph(record) ? record.oauth_client_id : record.username;
  return [METHODS[usesGraph(record) ? "APP_PERM" : record.authentication_method], name && [" as ", h("code", {}, name)]];
}

const settings = (record) =>
  facts(
    usesGraph(record) ? ["Microsoft Graph", h("code", {}, record.graph_api_domain)] : ["EWS URL", h("code", {}, record.url || "–")],
    ["Signs in with", ...signIn(record)],
    ["Equipment mailbox", h("code", {}, record.room_mailbox_email_address || "–")],
    ["Aliases", h("code", {}, `${record.scheduled_alias_prefix}${"#".repeat(record.scheduled_alias_suffix_length)}@${record.scheduled_alias_domain}`)],
    ["Add-in’s server", h("code", {}, record.addin_server_domain)],
    ["Metadata domains", (record.domains || []).length ? record.domains.map((each) => h("div", {}, h("code", {}, each.domain))) : "none"],
    ["Rooms", [record.enable_dynamic_vmrs && "for single meetings", record.enable_personal_vmrs && "personal"].filter(Boolean).join(", ")],
    record.description && ["Description", record.description]);

/** A button that saves a file of the integration's. */
function fileButton(id, text, path, query = {}) {
  const trouble = h("div", { role: "alert" });
  const made = button(text, async () => {
    trouble.replaceChildren();
    try {
      const file = await download(`${RESOURCE}/${id}/${path}/`, query);
      save(file.blob, file.name);
    } catch (problem) {
      const fields = Object.values(problem.fields || {}).flat().join(" ");
      trouble.replaceChildren(notice("bad", "alarm", `${problem.message} ${fields}`));
    }
  }, { sign: "download" });
  return [made, trouble];
}

function filesCard(record) {
  const scripts = [
    ["Set-up script for Exchange", "Mailbox, permissions and add-in, with this integration’s values filled in: PowerShell, may be run again.", "exchange_setup", {}],
    !usesGraph(record) && record.oauth_client_id && ["Set-up script for Microsoft Graph", "Processing and roles, to be run before this integration is migrated from EWS.", "exchange_setup", { for: "graph" }],
    record.enable_personal_vmrs && ["Set-up script for users’ sign-in", "The application at AD FS or Entra ID, where users sign in for their rooms.", "exchange_setup", { for: "user_sign_in" }],
    (usesGraph(record) || record.addin_authentication_method !== "EXCHANGE_USER_ID_TOKEN") && ["Set-up script for the add-in in Entra ID", "Registers the add-in’s application.", "exchange_setup", { for: "addin_tokens" }],
    ["Manifest of the add-in", "The XML file to deploy in Exchange, after the script has run.", "manifest", {}],
  ].filter(Boolean);
  return card("Set-up", null, h("ul", { class: "rows" }, scripts.map(([title, text, path, query]) =>
    h("li", { class: "offer" }, h("div", {}, h("h3", {}, title), h("p", { class: "soft small" }, text)),
      h("div", {}, fileButton(record.id, path === "manifest" ? "Download the manifest" : "Download the script", path, query))))));
}

function addinFacts(state) {
  if (state.manifest_is_current === null) return notice("", "info", "Outlook has not shown the add-in since the daemon started.");
  if (state.manifest_is_current) return notice("good", "check", "Outlook has the current manifest.");
  return notice("bad", "alarm", h("b", {}, "Outlook has an old manifest."), " Download and deploy it again.",
    state.changed_fields.length > 0 && h("p", { class: "small" }, "Changed since: ", state.changed_fields.join(", ")));
}

async function open(view) {
  const id = Number(view.match[1]);
  const record = await get(`${RESOURCE}/${id}/`, {}, view.signal);
  view.title(record.name);
  const [health, alarmRegion, chart, addin, pillRegion] = [h("div", {}), h("div", {}), h("div", {}), h("div", {}), h("span", {})];
  const setAside = setAsideCard(view, id);
  const account = record.authentication_method === "OAUTH" && !usesGraph(record) ? await accountCard(view, id) : null;
  await view.every(5000, async () => {
    const [state, alarms, counts, shown] = await Promise.all([
      get(`status/v1/exchange_integration/${id}/`, {}, view.signal),
      raisedAlarms(view.signal),
      list("status/v1/message_count/", { exchange_connector_id: id, limit: 10000 }, view.signal),
      get(`status/v1/exchange_scheduler_addin/${id}/`, {}, view.signal),
      account?.refresh(),
      setAside.refresh(),
    ]);
    const own = alarms.filter((each) => each.instance === record.name);
    show(pillRegion, healthPill(state));
    show(health, stateFacts(state));
    show(alarmRegion, own.length > 0 && card("Alarms", null, h("ul", { class: "rows" }, own.map((each) => alarmItem(each, [], record)))));
    show(chart, messageChart(byHour(counts, id)));
    show(addin, addinFacts(shown));
  });
  view.root.replaceChildren(
    head(record.name, { crumb: h("a", { href: "#/integrations" }, "Integrations"), actions: [pillRegion] }),
    h("div", { class: "columns" },
      h("div", { class: "stack" }, alarmRegion, setAside.element, account && account.element,
        mayRead("command/ms_exchange_connector/check") && doctorCard(view, record), filesCard(record),
        card("Messages per hour", null, body(chart))),
      h("div", { class: "stack" },
        card("State", null, body(health)),
        card("Add-in", null, body(addin)),
        card("Settings", null, body(settings(record))))));
}

export { open as show };
