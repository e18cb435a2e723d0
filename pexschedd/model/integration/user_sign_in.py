"""The endpoints for users' sign-in, and what is wrong with one. Pure.

Sources: MS-OAPX for AD FS; the Microsoft identity platform's "OAuth 2.0 authorization
code flow" for Azure.
"""

from urllib.parse import urlsplit

AUTHORIZE_PATHS = {"ADFS": "/oauth2/authorize", "AZURE": "/oauth2/v2.0/authorize"}
"""The end of the authorization endpoint's path, by `auth_provider`."""
_TOKEN_PATHS = {"ADFS": "/oauth2/token", "AZURE": "/oauth2/v2.0/token"}
_BASES = {
    "ADFS": "https://<federation service>/adfs",
    "AZURE": "https://login.microsoftonline.com/<tenant>",
}
_ENDPOINTS = {
    "personal_vmr_oauth_auth_endpoint": AUTHORIZE_PATHS,
    "personal_vmr_oauth_token_endpoint": _TOKEN_PATHS,
}
ENDPOINTS = tuple(_ENDPOINTS)
"""The fields that hold an endpoint."""
NO_TENANT = ("common", "organizations", "consumers")
"""The words in a tenant's place in Azure's addresses that are for everybody."""


def provider_base(auth_endpoint: str, authorize_path: str) -> str:
    """Return an identity provider's address: an authorization endpoint without its end,
    which is one of `AUTHORIZE_PATHS`. Empty for an empty one."""
    parts = urlsplit(auth_endpoint)
    if not parts.netloc:
        return ""
    path = parts.path.rstrip("/").removesuffix(authorize_path)
    return f"{parts.scheme}://{parts.netloc}{path}"


def endpoint_problem(auth_provider: str, field: str, url: str) -> str | None:
    """Return what is wrong with the URL of an endpoint, or None.

    auth_provider: ADFS or AZURE. field: one of `ENDPOINTS`.
    """
    end = _ENDPOINTS[field][auth_provider]
    path = urlsplit(url).path.rstrip("/")
    if not path.endswith(end):
        return (
            f"With auth_provider {auth_provider} this must end in {end}, such as "
            f"{_BASES[auth_provider]}{end}."
        )
    if auth_provider != "AZURE":
        return None
    tenant = path.removesuffix(end).rpartition("/")[2]
    if tenant and tenant.lower() not in NO_TENANT:
        return None
    found = f'"{tenant}" stands for any organization' if tenant else "there is none"
    return f"This must have your tenant's id or domain before {end}: {found}."
