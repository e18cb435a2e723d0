"""Reasons why a user's sign-in fails.

The message is for administrators and goes into the log; `reason` is what the user is
told beside the administrator's own text.
"""

from pexschedd.errors import PexscheddError
from pexschedd.identity.openid.faults import DocumentsUnreachable, TokenRefused


class UserSignInFailed(PexscheddError):
    """A user's sign-in has failed; subclasses say at which step.

    `can_retry` is False if only an administrator can help.
    """

    code = "sign_in_failed"
    reason = (
        "The sign-in could not be completed. If that goes on, tell your administrator."
    )
    can_retry = True


class SignInNotSetUp(UserSignInFailed):
    """The integration's settings cannot work."""

    code = "sign_in_not_set_up"
    reason = "The sign-in is not set up. An administrator has to see to it."
    can_retry = False

    def __init__(self) -> None:
        super().__init__(self.reason)


class SignInOver(UserSignInFailed):
    """The attempt is not known: used already, too old, cancelled, or from before a
    restart."""

    code = "sign_in_over"
    reason = (
        "This sign-in is not valid any more: it can be used once, within ten minutes."
    )

    def __init__(self) -> None:
        super().__init__(self.reason)


class SignInDeclined(UserSignInFailed):
    """The user, or a policy for the user, did not agree."""

    code = "sign_in_declined"
    reason = "The sign-in was declined, or you may not use this application."


class ProviderUnreachable(UserSignInFailed):
    """The identity provider gave no usable answer."""

    code = "provider_unreachable"
    reason = "The sign-in service does not answer. Try again in a minute."


class ProviderRefuses(UserSignInFailed):
    """The identity provider does not accept us, or what we sent.

    `about_secret` is true if it is the client secret that it refuses.
    """

    code = "provider_refuses"
    reason = (
        "The sign-in service refused this sign-in. An administrator has to see to it."
    )
    can_retry = False

    def __init__(self, message: str, *, about_secret: bool = False) -> None:
        self.about_secret = about_secret
        super().__init__(message)


class CodeRefused(UserSignInFailed):
    """The identity provider does not accept the code that it has given: it is too old,
    or was used before."""

    code = "code_refused"
    reason = "The sign-in service does not accept this sign-in any more. Sign in again."


class AnotherProvider(UserSignInFailed):
    """The answer came from another identity provider than the one that was asked (RFC
    9207)."""

    code = "another_provider"
    reason = "The answer did not come from the sign-in service that was asked."


class UserTokenRefused(UserSignInFailed):
    """The token that says who the user is cannot be accepted."""

    code = "user_token_refused"
    reason = "What the sign-in service said could not be verified."


class EmailMissing(UserTokenRefused):
    """The token has no e-mail address."""

    code = "email_missing"
    reason = (
        "The sign-in service did not say your e-mail address. An administrator has to "
        "see to it."
    )
    can_retry = False


def as_sign_in_fault(error: Exception) -> Exception:
    """Return what an error means for a sign-in; most are what they are."""
    match error:
        case DocumentsUnreachable():
            return ProviderUnreachable(error.message)
        case TokenRefused():
            return UserTokenRefused(error.message)
    return error
