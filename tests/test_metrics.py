"""What Prometheus reads."""

import re
from pathlib import Path
from typing import Any

import pytest_twisted
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor as _reactor
from twisted.internet.defer import gatherResults

from pexschedd import __version__
from pexschedd.clock import system_now
from pexschedd.composition.runtime import Runtime
from pexschedd.config import Config
from pexschedd.metrics import DeploymentReading, IntegrationReading, Metrics, Readings
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.outbox import MailboxCursor
from tests.web_admin.web_admin_support import open_store

reactor: Any = _reactor


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values."""
    text = metrics.exposition().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_the_parts_count() -> None:
    """Counters add up by their labels; times fall into buckets."""
    metrics = Metrics()
    metrics.message("Head office", "accepted", 0.7)
    metrics.message("Head office", "accepted", None)
    metrics.message("Branch", "declined", -3)
    metrics.call("Branch", "GetItem", "ok", 0.02)
    metrics.call("Branch", "GetItem", "mailbox_busy", 0.02)
    metrics.flushed(17, 0.0004)
    found = read(metrics)
    assert found["pexschedd_messages_total", "Head office", "accepted"] == 2
    assert found["pexschedd_message_seconds_count", "Head office"] == 1
    assert found["pexschedd_message_seconds_bucket", "Head office", "0.5"] == 0
    assert found["pexschedd_message_seconds_bucket", "Head office", "1.0"] == 1
    assert found["pexschedd_message_seconds_sum", "Branch"] == 0
    assert found["pexschedd_ews_calls_total", "Branch", "GetItem", "mailbox_busy"] == 1
    assert found["pexschedd_ews_call_seconds_count", "GetItem"] == 2
    assert found["pexschedd_store_commits_total",] == 17
    assert found["pexschedd_store_flush_seconds_bucket", "0.0005"] == 1


def test_what_is_looked_up() -> None:
    """Gauges hold what is so when somebody asks; hostile names stay names."""
    name = 'He said "no"\n\\'
    records = [("conference", 3)]
    metrics = Metrics()
    metrics.watch(
        Readings(
            records=lambda: records,
            alarms=lambda: [("scheduling_clock", 1)],
            integrations=lambda: [IntegrationReading(name, 2, 1.5, "streaming", 30)],
            store_state=lambda: "read_only",
            free_bytes=lambda: 1024,
            deployments=lambda: [DeploymentReading(name, 20, 1, 30.0, 0.25)],
        )
    )
    records[0] = ("conference", 4)
    found = read(metrics)
    assert found["pexschedd_records", "conference"] == 4
    assert found["pexschedd_alarms", "scheduling_clock"] == 1
    assert found["pexschedd_disk_free_bytes",] == 1024
    assert found["pexschedd_store_state", "read_only"] == 1
    assert found["pexschedd_queue_messages", name] == 2
    assert found["pexschedd_queue_age_seconds", name] == 1.5
    assert found["pexschedd_back_off_seconds", name] == 30
    assert found["pexschedd_notifications", name, "streaming"] == 1
    assert found["pexschedd_join_rooms", name] == 20
    assert found["pexschedd_join_rooms_failing", name] == 1
    assert found["pexschedd_join_interval_seconds", name] == 30
    assert found["pexschedd_join_quota_used", name] == 0.25


def test_every_metric_is_documented() -> None:
    """docs/monitoring.md lists what is exposed, all of it and nothing else."""
    metrics = Metrics()
    metrics.watch(
        Readings(
            records=list,
            alarms=list,
            integrations=list,
            store_state=lambda: "writable",
            free_bytes=lambda: 0,
        )
    )
    text = metrics.exposition().decode()
    # A family's own name has no _total; what is documented is what is scraped.
    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }
    page = Path(__file__).resolve().parents[1] / "docs" / "monitoring.md"
    _, _, table = page.read_text().partition("| metric |")
    first_cells = re.findall(
        r"^\| (`[^|]*) \|", table.partition("\n\n")[0], re.MULTILINE
    )
    assert set(re.findall(r"[a-z]+_\w+", " ".join(first_cells))) == exposed


def test_the_release_and_the_process() -> None:
    """The release is a label, and the process is measured by the library's own
    collectors."""
    found = read(Metrics())
    assert found["pexschedd_build_info", __version__] == 1
    assert found["process_resident_memory_bytes",] > 1_000_000
    assert found["process_open_fds",] >= 3
    assert ("python_gc_collections_total", "2") in found
    assert any(name == "python_info" for name, *_ in found)


@pytest_twisted.ensureDeferred
async def test_the_disk_is_timed(tmp_path: Path) -> None:
    """What the store commits is counted, each transaction once, and nothing else."""
    store = open_store(tmp_path)
    config = Config(state_dir=tmp_path, addin_endpoints=(), admin_endpoints=())
    basis = Runtime(config, store, reactor=reactor, now=system_now)
    try:
        for number in range(1, 4):
            document, journal = store.transaction(), store.transaction()
            alarm = Alarm(id=number, name="a", instance="b", time_raised=system_now())
            document.put(tables.ALARM, alarm)
            position = MailboxCursor(id=number, cursor=f"{number}")
            journal.put(tables.CURSOR, position)
            await gatherResults([document.commit(), journal.commit()])
        await store.roll()
        found = read(basis.metrics)
        assert found["pexschedd_store_commits_total",] == 6
        assert 3 <= found["pexschedd_store_flush_seconds_count",] <= 6
    finally:
        await store.close()
