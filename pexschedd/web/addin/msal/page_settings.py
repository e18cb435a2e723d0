"""The pane's settings for its user's token: `auth` in the page's settings. Pure."""

from pexschedd.model.integration.connector import Connector


def auth_settings(connector: Connector, library: str) -> dict[str, object]:
    """Return how the pane gets its user's token.

    library: address of Microsoft's library, empty where it is not installed.

    `offline` says whether a token may wait in an invitation until the server is back:
    only Exchange's own are good for hours, and taken from there. The scope `.default`
    stands for all that the API has granted the add-in, whatever it is called; the
    server looks for the right one.
    """
    method = connector.addin_authentication_method
    offline = method == "EXCHANGE_USER_ID_TOKEN"
    found: dict[str, object] = {"method": method, "offline": offline}
    if method == "NAA_TOKEN":
        api = (connector.addin_naa_web_api_application_id or "").lower()
        found |= {
            "clientId": (connector.addin_application_id or "").lower(),
            "authority": connector.addin_authority_url,
            "scope": f"api://{api}/.default",
            "msal": library,
        }
    return found
