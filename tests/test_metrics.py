"""What Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from pexschedd.metrics import IntegrationReading, Metrics, Readings


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
            free_bytes=lambda: 1024,
        )
    )
    records[0] = ("conference", 4)
    found = read(metrics)
    assert found["pexschedd_records", "conference"] == 4
    assert found["pexschedd_alarms", "scheduling_clock"] == 1
    assert found["pexschedd_disk_free_bytes",] == 1024
    assert found["pexschedd_queue_messages", name] == 2
    assert found["pexschedd_queue_age_seconds", name] == 1.5
    assert found["pexschedd_back_off_seconds", name] == 30
    assert found["pexschedd_notifications", name, "streaming"] == 1
