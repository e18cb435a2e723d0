"""The delay of the reactor, as it is measured."""

from twisted.internet.task import Clock

from pexschedd.metrics import Metrics
from pexschedd.observation.reactor_delay import EVERY, ReactorDelay
from tests.test_metrics import read


def test_what_is_late_is_noted() -> None:
    """A call that is in time has no delay; one that was held up has its lateness."""
    clock, found = Clock(), list[float]()
    service = ReactorDelay(clock, found.append)
    service.startService()
    clock.advance(EVERY)
    clock.advance(EVERY + 3)
    assert [round(each, 6) for each in found] == [0, 3]


def test_it_ends() -> None:
    """A service that was stopped leaves no timer, and can be started again."""
    clock, found = Clock(), list[float]()
    service = ReactorDelay(clock, found.append)
    service.startService()
    service.stopService()
    assert not clock.getDelayedCalls()
    service.startService()
    clock.advance(EVERY)
    assert found == [0]


def test_a_held_reactor_shows() -> None:
    """The histogram tells a second's delay from none."""
    clock, metrics = Clock(), Metrics()
    ReactorDelay(clock, metrics.reactor_delayed).startService()
    clock.advance(EVERY)
    clock.advance(EVERY + 1.5)
    found = read(metrics)
    name = "pexschedd_reactor_delay_seconds_bucket"
    assert found[name, "0.001"] == 1
    assert found[name, "1.0"] == 1
    assert found[name, "2.5"] == 2
