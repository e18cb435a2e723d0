"""Does it cost much to say who one is? python -m benchmarks.credentials

Requests a second for the overview of the management API, which is a few bytes from
memory: with a password that is remembered, with an API token and with an access token
of OAuth 2.0, each beside a bare Klein route that answers the same bytes, in turns. And
the first request with a password, for which the hash is computed. The daemon is a
process of its own.
"""

import base64
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen
from time import perf_counter, time
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

import jwt
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO

from benchmarks import load
from benchmarks.servers import LOOPBACK, _UntilClosed, listen, reactor, ready
from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.tap import Daemon, freeze_collector

PASSWORD = "correct horse battery"
OVERVIEW = "/api/admin/"
ROUNDS = 5
REQUESTS = 400


async def run_daemon(folder: str) -> None:
    """The daemon, and the ceiling: a route with the same answer and nothing else."""
    sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - for good
    password = Path(folder) / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    config = Config(
        state_dir=Path(folder) / "state",
        addin_endpoints=(LOOPBACK,),
        admin_endpoints=(LOOPBACK,),
        initial_admin_password_file=password,
    )
    service = Daemon(config, reactor=reactor, now=system_now)
    freeze_collector()
    service.startService()
    await service.first_start
    app = Klein()
    answer = json.dumps(
        {
            kind: f"/api/admin/{kind}/v1/"
            for kind in ("configuration", "status", "history", "command")
        }
    ).encode()

    def bare(request: Any) -> bytes:
        request.setHeader(b"content-length", b"%d" % len(answer))
        return answer

    app.route("/")(bare)
    ready(admin=service.http_servers.port("admin"), ceiling=listen(app))


@contextmanager
def daemon() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.credentials", folder]
        with Popen(command, stdin=PIPE, stdout=PIPE) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.stdin.close()
                process.wait(20)


def basic() -> str:
    return "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


def post(port: int, path: str, payload: object, **headers: str) -> Any:
    is_form = isinstance(payload, bytes)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    kind = "x-www-form-urlencoded" if is_form else "json"
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        body,
        {"content-type": f"application/{kind}"} | headers,
    )
    with urlopen(request) as answer:  # noqa: S310 - our own daemon
        return json.loads(answer.read())


def credentials(port: int) -> dict[str, str]:
    """The values of the header, by what they are."""
    configuration = f"{OVERVIEW}configuration/v1/"
    token = post(
        port,
        f"{configuration}api_token/",
        {"name": str(uuid4()), "role": 1},
        authorization=basic(),
    )["token"]
    client = post(
        port,
        f"{configuration}oauth2_client/",
        {"client_name": str(uuid4()), "role": 1},
        authorization=basic(),
    )
    claims = {
        "iss": client["client_id"],
        "sub": client["client_id"],
        "aud": f"http://127.0.0.1:{port}/oauth/token/",
        "exp": int(time()) + 600,
        "jti": str(uuid4()),
    }
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": (
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        ),
        "client_assertion": jwt.encode(claims, client["private_key_jwt"], "ES256"),
    }
    access = post(port, "/oauth/token/", urlencode(form).encode())["access_token"]
    return {
        "a remembered password": basic(),
        "an API token": f"Bearer {token}",
        "an OAuth access token": f"Bearer {access}",
    }


def main() -> None:
    with daemon() as facts:
        port = facts["admin"]
        began = perf_counter()
        load.run(
            port,
            [load.get(OVERVIEW, {"authorization": basic()})],
            count=1,
            connections=1,
        )
        print(f"the first request with a password: {perf_counter() - began:.2f} s")
        ratios: dict[str, list[float]] = {}
        bare = load.get("/")
        for _ in range(ROUNDS):
            # A password is remembered for a minute; each round is shorter than that.
            for name, value in credentials(port).items():
                request = load.get(OVERVIEW, {"authorization": value})
                ceiling = load.run(facts["ceiling"], [bare], count=REQUESTS)
                ours = load.run(port, [request], count=REQUESTS)
                ratios.setdefault(name, []).append(ours.per_second / ceiling.per_second)
        for name, found in ratios.items():
            print(f"{name:<24} {median(found):.2f} of a bare route")


def serve(folder: str) -> None:
    StandardIO(_UntilClosed())
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run_daemon(folder)))
    reactor.run()


if __name__ == "__main__":
    if sys.argv[1:]:
        serve(sys.argv[1])
    else:
        main()
