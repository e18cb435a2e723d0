"""PURE: why the service account could not sign in (HTTP 401), and what mends it."""

from pexschedd.errors import SignInRefused


def not_signed_in(
    *, host: str, username: str, method: str, offered: str, diagnostics: str = ""
) -> SignInRefused:
    """`method` is how it was tried, as the integration's `authentication_method`.

    `offered` are all WWW-Authenticate headers, `diagnostics` is x-ms-diagnostics.
    """
    schemes = {part.split()[0].lower() for part in offered.split(",") if part.split()}
    if offered and "basic" not in schemes:
        return SignInRefused(
            f"{host} does not offer Basic authentication (HTTP 401). Enable it on "
            "the EWS virtual directory."
        )
    return SignInRefused(
        f"{host} did not let the account {username} sign in (HTTP 401): "
        "the user name or the password is wrong, or the account is locked. Basic "
        "authentication has to be enabled on the EWS virtual directory."
    )
