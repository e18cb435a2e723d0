"""The process for Prometheus: processor time, memory, descriptors and its start.

The client library's own collector takes the time of the boot from `/proc/stat`, and
yields nothing at all where that is hidden: as in the unit, by `ProcSubset=pid`.
"""

from time import CLOCK_BOOTTIME, clock_gettime

from prometheus_client import ProcessCollector

from pexschedd.clock import system_now


class ConfinedProcessCollector(ProcessCollector):
    """The library's collector, for a process that sees processes only in `/proc`."""

    def _boot_time(self) -> float:
        """Return the time of the boot, from which the kernel counts a process's start,
        in seconds since 1970."""
        return system_now().timestamp() - clock_gettime(CLOCK_BOOTTIME)
