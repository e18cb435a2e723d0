"""A web server with Windows authentication: NTLM as IIS does it, with its moods."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from tests.ews.ews_support import RawServer, RawSite

ACCOUNTS = (
    "EXAMPLE:svc:right",
    ":svc@example.test:right",
    ":svc:right",
    "EXAMPLE:jürgen:pässwörd",
)


def create_accounts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The server's own user accounts, where its NTLM looks for them."""
    file = folder / "accounts"
    file.write_text("\n".join(ACCOUNTS), encoding="utf-8")
    monkeypatch.setenv("NTLM_USER_FILE", str(file))


class Mood(msgspec.Struct, kw_only=True):
    """What is special about a server. Numbers count down to when it is over."""

    schemes: tuple[str, ...] = ("Negotiate", "NTLM")
    bindings: bytes | None = None
    """Extended Protection: the application data that a proof has to be bound to."""
    forgets: int = 0
    """After so many proofs nothing is remembered about the connection."""
    announces_it: bool = False
    drops: int = 0
    """So many challenges are followed by a close."""
    drops_silently: int = 0
    loses: int = 0
    """So many hellos are not answered at all."""
    open_to_all: bool = False


class WindowsSite:
    """A behaviour for `RawSite`."""

    def __init__(self, **mood: Any) -> None:
        self.mood = Mood(**mood)
        self.site: RawSite
        self.proofs = 0
        """How often a password was checked."""
        self.acted: list[bytes] = []
        """The bodies of requests that were let in."""
        self._handshakes: dict[RawServer, spnego.ContextProxy] = {}
        self._signed_in: set[RawServer] = set()

    @property
    def bodies(self) -> list[bytes]:
        """Of all requests, in their order."""
        return [body for _, body in self.site.requests]

    def __call__(self, connection: RawServer, number: int) -> None:
        head, body = self.site.requests[number - 1]
        lines = head.decode().split("\r\n")[1:]
        headers = dict(line.split(": ", 1) for line in lines)
        shown = headers.get("Authorization", "")
        if shown:
            self._signed_in.discard(connection)
            scheme, _, token = shown.partition(" ")
            self._step(connection, scheme, b64decode(token), body)
        elif connection in self._signed_in or self.mood.open_to_all:
            self._let_in(connection, body)
        else:
            self._refuse(connection)

    def _step(
        self, connection: RawServer, scheme: str, token: bytes, body: bytes
    ) -> None:
        mood = self.mood
        if mood.open_to_all:
            self._let_in(connection, body)
            return
        if scheme not in mood.schemes:
            self._refuse(connection)
            return
        context = self._handshakes.pop(connection, None)
        if context is None:
            if b"NTLMSSP\0\3" in token:
                self._refuse(connection)  # a proof of nothing that was asked here
                return
            self._challenge(connection, scheme, token)
            return
        self.proofs += 1
        try:
            context.step(token, channel_bindings=_wanted(mood.bindings))
            proven = context.complete
        except SpnegoError:
            proven = False
        if not proven:
            self._refuse(connection)
        elif mood.forgets:
            mood.forgets -= 1
            extra = ["Persistent-Auth: false"] if mood.announces_it else []
            self._let_in(connection, body, extra)
        else:
            self._signed_in.add(connection)
            self._let_in(connection, body, ["Persistent-Auth: true"])

    def _challenge(self, connection: RawServer, scheme: str, token: bytes) -> None:
        mood = self.mood
        if mood.loses:
            mood.loses -= 1
            connection.reset()
            return
        context = spnego.server(
            protocol=scheme.lower(),
            options=spnego.NegotiateOptions.use_ntlm
            if scheme == "NTLM"
            else spnego.NegotiateOptions.use_negotiate,
        )
        challenge = b64encode(context.step(token) or b"").decode()
        offered = [f"WWW-Authenticate: {scheme} {challenge}"]
        self._handshakes[connection] = context
        if mood.drops:
            mood.drops -= 1
            offered.append("Connection: close")
        connection.answer(b"who?", "401 Unauthorized", offered)
        if "Connection: close" in offered:
            connection.close()
        elif mood.drops_silently:
            mood.drops_silently -= 1
            connection.close()

    def _refuse(self, connection: RawServer) -> None:
        offered = [f"WWW-Authenticate: {each}" for each in self.mood.schemes]
        connection.answer(b"<html>no</html>", "401 Unauthorized", offered)

    def _let_in(
        self, connection: RawServer, body: bytes, extra: list[str] | None = None
    ) -> None:
        self.acted.append(body)
        connection.answer(b"<done/>", headers=extra or [])

    def forget(self) -> None:
        """As after a restart of the application behind."""
        self._signed_in.clear()


def _wanted(bindings: bytes | None) -> GssChannelBindings | None:
    return GssChannelBindings(application_data=bindings) if bindings else None
