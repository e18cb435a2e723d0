"""Problems with an endpoint, as administrators are told of them. Pure."""

from enum import StrEnum
from typing import Any

from pexschedd.errors import PexscheddError
from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, FailureKind, clause


class ProblemKind(StrEnum):
    """Kinds of problem that an administrator mends in different ways."""

    UNREACHABLE = "unreachable"
    UNTRUSTED = "certificate"
    CREDENTIALS = "credentials"
    NOT_ALLOWED = "not_allowed"
    BUSY = "busy"
    REFUSED = "refused"
    SETTINGS = "settings"


class EndpointProblem(PexscheddError):
    """An endpoint that cannot be brought its list.

    The message is a clause whose subject, "it", is the endpoint, and what to do.
    """

    code = "endpoint_problem"

    def __init__(
        self, kind: ProblemKind, message: str, *, retry_after: float | None = None
    ) -> None:
        self.kind = kind
        self.retry_after = retry_after
        """Seconds after which to ask again, if that was said."""
        super().__init__(message)


def of_connection(failure: ConnectionFailure, *, verified: bool) -> EndpointProblem:
    """Return the problem for a request that got no answer."""
    text = clause(failure)
    if failure.kind not in ABOUT_TRUST:
        return EndpointProblem(ProblemKind.UNREACHABLE, f"{text}.")
    if failure.kind is FailureKind.NOT_TLS:
        advice = "Set use_https to NO if it is reached without HTTPS."
    elif verified:
        advice = (
            "Give it a certificate that is trusted here, upload the authority's "
            "certificate, or set verify_cert to NO."
        )
    else:
        advice = "Certificates are not checked for it, so this is about TLS itself."
    return EndpointProblem(ProblemKind.UNTRUSTED, f"{text}. {advice}")


def credentials_refused(username: str) -> EndpointProblem:
    """Return the problem of an endpoint that answers 401."""
    return EndpointProblem(
        ProblemKind.CREDENTIALS,
        f'it refuses the username "{username}" or its password. It is not asked again '
        "before they are changed here, it is checked by hand, or a day has passed: "
        "endpoints lock accounts.",
    )


def without_profile() -> EndpointProblem:
    """Return the problem of an endpoint that no profile says anything of."""
    return EndpointProblem(
        ProblemKind.SETTINGS,
        "it is in no group that has a profile: set its mjx_endpoint_group, and the "
        "group's mjx_integration.",
    )


def took_too_long(result: Any, seconds: float) -> Any:
    """Raise the problem for a visit that was cancelled after so many seconds, as
    `Deferred.addTimeout` wants it; return any other result."""
    if hasattr(result, "check"):
        raise EndpointProblem(
            ProblemKind.UNREACHABLE, f"a visit did not end within {seconds:g} seconds."
        )
    return result
