"""The process's metrics, where the unit confines it."""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry

from pexschedd.clock import system_now
from pexschedd.observation.process import ConfinedProcessCollector


def test_a_process_that_sees_processes_only(tmp_path: Path) -> None:
    """All of it is measured where `/proc` has no `stat`, as with `ProcSubset=pid`."""
    (tmp_path / "self").symlink_to(f"/proc/{os.getpid()}")
    registry = CollectorRegistry()
    ConfinedProcessCollector(proc=str(tmp_path), registry=registry)
    found = {
        sample.name: sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    assert found["process_resident_memory_bytes"] > 1_000_000
    assert found["process_virtual_memory_bytes"] > 1_000_000
    assert found["process_cpu_seconds_total"] > 0
    assert 3 <= found["process_open_fds"] <= found["process_max_fds"]
    age = system_now().timestamp() - found["process_start_time_seconds"]
    assert 0 <= age < 24 * 3600
