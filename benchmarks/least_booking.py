"""The least program that books a room: how much of a bare route's speed booking costs.

One route and straight code for one integration, whose settings are known when the
program is written: no errors, no templates, nothing that may be left out. It does what
no booking can do without: it recognises a token that was verified before, draws a free
number, keeps the record of the alias, fills in the instructions, and has the headers
and the access line of the add-in's answers.
"""

import re
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from itertools import count
from secrets import randbelow
from time import perf_counter, time
from uuid import uuid4

import msgspec
from klein import Klein
from twisted.web.server import Request

from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.store.store import Store

INSTRUCTIONS = "<p>{}</p>" + "x" * 500 + '<a href="https://{}/webapp/?conference={}">'
HOST = re.compile(rb"[A-Za-z0-9.-]+(?::[0-9]{0,5})?")


def least_booking(store: Store, mailbox: str, domain: str) -> Klein:
    """Return the route; it trusts each token, for five minutes from its first use."""
    app = Klein()
    verified: dict[bytes, tuple[str, float]] = {}
    numbers = count()
    lines: list[str] = []

    @app.route("/<path:path>")  # type: ignore[untyped-decorator,unused-ignore]
    async def book(request: Request, path: str) -> bytes:
        started = perf_counter()
        hosts = request.requestHeaders.getRawHeaders(b"host") or []
        assert len(hosts) == 1
        assert HOST.fullmatch(hosts[0])
        digest = sha256((request.requestHeaders.getRawHeaders(b"token") or [b""])[0])
        user, until = verified.setdefault(digest.digest(), ("alice", time() + 300))
        assert until > time()
        while True:
            numeric = f"555{randbelow(10**12):012}"
            full = f"{numeric}@{domain}"
            if not (
                store.find(tables.ALIAS_BY_TEXT, full)
                or store.find(tables.ALIAS_BY_TEXT, numeric)
                or store.find(tables.SCHEDULED_ALIAS_BY_NUMERIC, full)
                or store.find(tables.SCHEDULED_ALIAS_BY_NUMERIC, numeric)
            ):
                break
        change = store.transaction()
        alias = ScheduledAlias(
            id=change.new_id(tables.SCHEDULED_ALIAS),
            uuid=str(uuid4()),
            alias=full,
            numeric_alias=numeric,
            alias_number=int(numeric[3:]),
            exchange_connector=1,
            creation_time=datetime.now(UTC),
            booked_by=blake2b(user.encode(), digest_size=9, key=b"key").hexdigest(),
        )
        tag = f"PXPS:-{alias.uuid}#"
        instructions = INSTRUCTIONS.format(tag, domain, full)
        change.put(tables.SCHEDULED_ALIAS, alias)
        await change.commit()
        body = msgspec.json.encode(
            {
                "status": "success",
                "result": {
                    "room_name": "Pexip Meeting",
                    "room_email": mailbox,
                    "alias_id": tag,
                    "instructions": instructions,
                    "location": "",
                },
            }
        )
        name = f"bench-{next(numbers)}"
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"x-request-id", [name.encode()])
        set_header(b"x-content-type-options", [b"nosniff"])
        set_header(b"referrer-policy", [b"no-referrer"])
        set_header(b"cache-control", [b"no-store"])
        set_header(b"content-type", [b"application/json"])
        set_header(b"content-length", [b"%d" % len(body)])
        elapsed = (perf_counter() - started) * 1000
        lines.append(
            f'{{"time":"{datetime.now(UTC).isoformat(timespec="milliseconds")}",'
            f'"request":"{name}","path":"{request.path.decode()[:200]}",'
            f'"address":"{request.getClientAddress().host}","ms":{elapsed:.1f}}}'
        )
        if len(lines) > 1000:
            lines.clear()
        return body

    return app
