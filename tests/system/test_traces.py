"""One meeting, one trace: the real daemon, a sandbox, and a collector on a socket."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.graph_access import SECRET, graph_fields
from tests.observation.tracing.otlp_receiver import (
    Receiver,
    failed,
    receiver,
    tree,
    values,
)
from tests.system.cloud_support import Cloud
from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import ALICE, EQUIPMENT, World, eventually

HOUR = timedelta(hours=1)
NEVER = 3600
"""Seconds between two looks at the mailbox: what is seen before then was told."""


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@pytest.fixture
def traced(tmp_path: Path, collector: Receiver) -> Iterator[World]:
    """A world whose daemon sends traces, with a header that is a secret."""
    secret = tmp_path / "trace-headers"
    secret.write_text("Authorization: Bearer s3cret\n")
    secret.chmod(0o600)
    traces = {"url": collector.url, "headers_file": str(secret)}
    with World(tmp_path, traces=traces, log={"level": "debug"}) as world:
        yield world


@pytest.fixture
def alice(traced: World) -> Iterator[Organizer]:
    with organizer(traced.exchange, ALICE) as person:
        yield person


def invite(world: World, alice: Organizer, **claims: Any) -> Any:
    details = world.meeting_details(world.token(**claims)).json()["result"]
    start = datetime.now(UTC).replace(microsecond=0) + HOUR
    body = f"<p>{details['instructions']}</p>"
    return alice.invite("Secret plans", start, start + HOUR, body)


def trace_of(collector: Receiver, name: str = "record") -> list[Any]:
    """The spans of the only trace, once it has one of this name."""

    def complete() -> list[Any]:
        for spans in collector.traces().values():
            if any(span.name == name for span in spans):
                return spans
        return []

    return eventually(complete, f"a trace with {name}")


def steps(spans: list[Any]) -> list[Any]:
    """The tree, with requests to Exchange after each other as one."""
    found = tree(spans)
    assert len(found) == 1, found
    return list(found[0])


def processed(world: World) -> list[dict[str, Any]]:
    return world.objects("scheduling_message", "history")


def assert_discreet(collector: Receiver) -> None:
    """No subject, address or name is in any text of any span."""
    texts = [[s.name, *map(str, values(s).values())] for s in collector.spans()]
    said = str(texts).lower()
    assert "syncfolderitems" in said or "messages/delta" in said
    assert not [word for word in ("secret", "plans", "@", "alice") if word in said]


def test_one_meeting_over_ews(
    traced: World, alice: Organizer, collector: Receiver
) -> None:
    """From the notification to the recorded answer: one trace with its steps in order,
    under the message's correlation id, and nothing about people in it."""
    traced.create_integration(poll_interval=NEVER, safety_poll_interval=NEVER)
    eventually(
        lambda: "listener gets notifications" in traced.daemon.log.read_text(),
        "the notifications",
    )
    invite(traced, alice)
    spans = trace_of(collector)
    assert steps(spans) == [
        "process message",
        "notification",
        ["list messages", "SyncFolderItems"],
        ["read messages", "GetItem"],
        "decide",
        "commit",
        ["answer", "CreateItem", "record"],
    ]
    root, *rest = spans
    (message,) = processed(traced)
    assert spans[0].trace_id.hex() == message["correlation_id"].replace("-", "")
    assert values(root) == {
        "pexschedd.integration": 1,
        "pexschedd.correlation_id": message["correlation_id"],
        "pexschedd.result": "accept",
        "pexschedd.trigger": "notification",
    }
    assert not any(map(failed, spans))
    assert all(s.start_time_unix_nano <= s.end_time_unix_nano for s in spans)
    assert all(s.start_time_unix_nano >= root.start_time_unix_nano for s in rest)
    (answer,) = [span for span in spans if span.name == "answer"]
    assert values(answer)["pexschedd.outcome"] == "done"
    assert collector.resources[0]["service.name"] == "pexschedd"
    assert collector.headers[0]["Authorization"] == "Bearer s3cret"
    assert_discreet(collector)
    assert "s3cret" not in traced.daemon.log.read_text()


def test_a_renewed_token(traced: World, alice: Organizer, collector: Receiver) -> None:
    """SIGHUP reads the headers again, and says so; the URL waits for the next start."""
    settings = json.loads(traced.config.read_text())
    Path(settings["traces"]["headers_file"]).write_text("X-Token: renewed\n")
    settings["traces"]["url"] = "http://127.0.0.1:1/v1/traces"
    for content, said in (
        (json.dumps(settings), "changed=- kept=- next_start=traces.url"),
        (traced.config.read_text(), "changed=traces.headers_file kept=- next_start=-"),
    ):
        traced.config.write_text(content)
        traced.daemon.hang_up()
        eventually(lambda: said in traced.daemon.log.read_text(), said)  # noqa: B023
    traced.create_integration()
    invite(traced, alice)
    trace_of(collector)
    assert collector.headers[-1]["X-Token"] == "renewed"
    assert "Authorization" not in collector.headers[-1]


def test_answered_after_a_kill(
    traced: World, alice: Organizer, collector: Receiver
) -> None:
    """An answer that another process gives is in the same trace."""
    traced.create_integration()
    refusal = {"kind": "ErrorMailboxStoreUnavailable", "operation": "CreateItem"}
    traced.behave(faults=[refusal | {"times": None, "mailbox": EQUIPMENT}])
    invite(traced, alice)
    first = trace_of(collector, "answer")
    (message,) = processed(traced)
    assert first[0].trace_id.hex() == message["correlation_id"].replace("-", "")
    assert failed(next(span for span in first if span.name == "CreateItem"))
    traced.daemon.stop(signal.SIGKILL)
    traced.behave(faults=[])
    traced.start_daemon()

    def given() -> list[Any]:
        spans = collector.traces()[first[0].trace_id.hex()]
        return [s for s in spans if values(s).get("pexschedd.outcome") == "done"]

    (answer,) = eventually(given, "the answer")
    root = next(span for span in first if span.name == "process message")
    assert answer.parent_span_id == root.span_id


def test_one_meeting_over_graph(tmp_path: Path, collector: Receiver) -> None:
    """The same steps, from the notification that Graph has posted."""
    with ExitStack() as stack:
        cloud = Cloud(tmp_path, traces={"url": collector.url})
        stack.enter_context(cloud)
        cloud.create_integration(
            **graph_fields(cloud.exchange),
            oauth_client_secret=SECRET,
            graph_notification_method="WEBHOOK",
            addin_server_domain=cloud.public,
            poll_interval=NEVER,
            safety_poll_interval=NEVER,
        )
        eventually(cloud.subscriptions, "the subscriptions")
        alice = stack.enter_context(organizer(cloud.exchange, ALICE))
        addin = f"https://{cloud.public}/api/client/v2/msexchange_schedulers/1/addin"
        invite(cloud, alice, audience=addin)
        spans = trace_of(collector)
        (message,) = processed(cloud)
    name, *found = steps(spans)
    assert name == "process message"
    kinds = [each if isinstance(each, str) else each[0] for each in found]
    assert kinds == [
        *("notification", "list messages", "read messages", "decide", "commit"),
        "answer",
    ]
    requests = {each[0]: each[1:] for each in found if not isinstance(each, str)}
    assert set(requests["list messages"]) == {"messages/delta"}
    assert "$batch" in requests["read messages"]
    assert requests["answer"][-1] == "record"
    assert len(requests["answer"]) > 1
    assert values(spans[0])["pexschedd.correlation_id"] == message["correlation_id"]
    assert values(spans[0])["pexschedd.trigger"] == "notification"
    assert_discreet(collector)


def test_a_collector_that_hangs(tmp_path: Path) -> None:
    """It is connected to and never answers: meetings are answered all the same, and the
    daemon stops within its time, with one word about the spans that are lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1/traces"
        with World(tmp_path, traces={"url": url}) as world:
            world.create_integration()
            with organizer(world.exchange, ALICE) as alice:
                invite(world, alice)
                eventually(alice.answers, "the answer")
            connection, _ = server.accept()
            connection.recv(1)
            assert world.daemon.stop() == -signal.SIGTERM
            log = world.daemon.log.read_text()
        connection.close()
    warnings = [line for line in log.splitlines() if '"level":"warn"' in line]
    assert len(warnings) == 1
    assert "collector did not take all traces before the stop" in warnings[0]
    assert "daemon stopped seconds=2" in log


def test_no_library_is_imported() -> None:
    """Traces need nothing of OpenTelemetry's, and no second HTTP client: with them on,
    too, the daemon imports neither."""
    script = (
        "import sys, pexschedd.tap, pexschedd.supervision.trace_settings\n"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('opentelemetry', 'google', 'requests', 'urllib3')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.replace("'", '"')) == []
