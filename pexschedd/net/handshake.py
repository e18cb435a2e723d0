"""PURE: why a TLS handshake failed, from what OpenSSL says about it."""

from OpenSSL import SSL

from pexschedd.net.trouble import ConnectionTrouble, Trouble

HANDSHAKE_FAILURE = 40
"""The alert of RFC 5246 for "nothing in common", and for a missing certificate."""

_KINDS: tuple[tuple[str, Trouble], ...] = (
    # The reasons' words of OpenSSL, the most telling ones first.
    ("wrong version number", Trouble.NOT_TLS),
    ("http request", Trouble.NOT_TLS),
    ("packet length too long", Trouble.NOT_TLS),
    ("record layer failure", Trouble.NOT_TLS),
    ("alert protocol version", Trouble.OLD_TLS),
    ("unsupported protocol", Trouble.OLD_TLS),
    ("version too low", Trouble.OLD_TLS),
    ("certificate required", Trouble.CLIENT_CERTIFICATE),
    ("alert bad certificate", Trouble.CLIENT_CERTIFICATE),
    ("alert insufficient security", Trouble.NO_CIPHER),
    ("no ciphers available", Trouble.NO_CIPHER),
    ("handshake failure", Trouble.NO_CIPHER),
    ("dh key too small", Trouble.NO_CIPHER),
)


def tls_trouble(error: SSL.Error) -> ConnectionTrouble:
    words = _words(error)
    kind = next((kind for text, kind in _KINDS if text in words), Trouble.TLS)
    return ConnectionTrouble(kind, words)


def refused_handshake(has_answered: bool) -> ConnectionTrouble:
    """A server's `HANDSHAKE_FAILURE`: the alert alone does not say which it was.

    One that has shown its certificate already wants ours.
    """
    kind = Trouble.CLIENT_CERTIFICATE if has_answered else Trouble.NO_CIPHER
    return ConnectionTrouble(kind, "it broke the handshake off")


def _words(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(each[-1]) for each in reasons) or "the handshake was cut short"
