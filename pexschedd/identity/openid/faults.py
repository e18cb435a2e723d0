"""Reasons why a provider's documents or tokens cannot be used, for administrators."""

from pexschedd.errors import PexscheddError


class DocumentsUnreachable(PexscheddError):
    """A provider's documents cannot be read, or are not what they should be.

    `about_trust` is true if the server's certificate is not trusted.
    """

    code = "provider_documents"

    def __init__(self, message: str, *, about_trust: bool = False) -> None:
        self.about_trust = about_trust
        super().__init__(message)


class TokenRefused(PexscheddError):
    """A token is none, is not from the provider, or is not valid now."""

    code = "token_refused"
