/* Signing in to the service account of an integration, or of a deployment of One-Touch Join, with OAUTH. */

import { get, list, post } from "./api.js";
import { body, button, card, copyButton, facts, h, notice, show } from "./dom.js";
import { ago, when } from "./format.js";
import { mayChange, mayRead } from "./session.js";

const INTEGRATION = { status: "exchange_service_account", resource: "ms_exchange_connector" };
const DEPLOYMENT = { status: "mjx_service_account", resource: "mjx_exchange_deployment" };

/** The accounts of all deployments of One-Touch Join that a person signs in to. */
export async function deploymentAccounts(view) {
  const found = mayRead(`status/${DEPLOYMENT.status}`)
    ? await list(`status/v1/${DEPLOYMENT.status}/`, { order_by: "deployment_name", limit: 100 }, view.signal) : [];
  const cards = await Promise.all(found.map((each) =>
    accountCard(view, each.id, { kind: DEPLOYMENT, title: `Service account of the rooms: ${each.deployment_name}` })));
  return { elements: cards.map((each) => each.element), refresh: () => Promise.all(cards.map((each) => each.refresh())) };
}

export async function accountCard(view, id, { kind = INTEGRATION, title = "Service account" } = {}) {
  const field = `sign-in-link-${kind.resource}-${id}`;
  const [state, link] = [h("div", {}), h("div", { "aria-live": "polite" })];
  let needed = "";
  const refresh = async () => {
    const found = await get(`status/v1/${kind.status}/${id}/`, {}, view.signal);
    if (needed && found.signed_in) link.replaceChildren(notice("good", "check", h("b", {}, `Signed in as ${found.account}.`)));
    needed = found.needed_because;
    show(state, found.signed_in
      ? facts(["Signed in as", found.account], ["Since", when(found.since)], ["Renewed", ago(found.refreshed)])
      : notice("bad", "key", h("b", {}, "A person has to sign in."), h("p", {}, found.needed_because), found.username && h("p", { class: "soft" }, `As ${found.username}.`)));
  };
  await refresh();
  const make = async () => {
    try {
      const made = await (await post(`command/v1/${kind.resource}/${id}/sign_in/`, {})).json();
      const text = h("input", { id: field, readonly: true, value: made.sign_in_link, class: "mono" });
      link.replaceChildren(
        h("div", { class: "field" }, h("label", { for: field }, "The link, good for one sign-in"),
          h("div", { class: "with-button" }, text, copyButton(made.sign_in_link, "the link"))),
        h("p", { class: "actions" },
          h("a", { class: "button primary", href: made.sign_in_link, target: "_blank", rel: "noopener noreferrer" }, "Open in a new tab"),
          h("span", { class: "soft small" }, "or give it to the person who knows the account. It ends ", when(made.expires), ".")));
      text.focus();
      text.select();
    } catch (problem) {
      if (!view.signal.aborted) link.replaceChildren(notice("bad", "alarm", problem.message));
    }
  };
  const element = card(title, null, body(h("div", { class: "stack" }, state,
    mayChange(`command/${kind.resource}/sign_in`) && h("div", {}, button("Make a sign-in link", make, { sign: "key" })), link)));
  return { element, refresh };
}
