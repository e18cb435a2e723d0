"""How many connections a server holds, and which ones it closes."""

from collections import Counter

from twisted.internet.task import Clock

from pexschedd.web.connections import CLOSING_SECONDS, ConnectionCaps, OpenConnections


class FakeConnection:
    """A connection that only remembers what is done to it."""

    def __init__(self, address: str = "192.0.2.1", *, busy: bool = False) -> None:
        self.due: float | None = None
        self.address = address
        self.is_busy = busy
        self.done: list[str] = []

    def give_up(self) -> None:
        self.done.append("give up")

    def abort(self) -> None:
        self.done.append("abort")


def made(**caps: float) -> tuple[OpenConnections, Clock, Counter[str]]:
    clock, counted = Clock(), Counter[str]()
    refused = lambda: counted.update(["refused"])  # noqa: E731
    return OpenConnections(ConnectionCaps(**caps), clock, refused), clock, counted  # type: ignore[arg-type]


def test_a_silent_connection_is_given_up() -> None:
    """It is told so first, and closed at once when it does not listen."""
    connections, clock, _ = made(head=10)
    connections.start()
    silent = FakeConnection()
    assert connections.add(silent)
    clock.pump([1.0] * 10)
    assert silent.done == []
    clock.advance(1)
    assert silent.done == ["give up"]
    clock.pump([1.0] * int(CLOSING_SECONDS + 1))
    assert silent.done == ["give up", "give up"]
    connections.stop()
    assert not clock.getDelayedCalls()


def test_the_oldest_idle_one_makes_room() -> None:
    """Whoever opens many connections and says nothing keeps nobody out."""
    connections, _, counted = made(most=3)
    first = FakeConnection("192.0.2.1", busy=True)
    second, third = FakeConnection("192.0.2.2"), FakeConnection("192.0.2.3")
    for each in (first, second, third):
        assert connections.add(each)
    new = FakeConnection("192.0.2.4")
    assert connections.add(new)
    assert (first.done, second.done, third.done) == ([], ["abort"], [])
    connections.remove(second)
    assert len(connections) == 3
    assert not counted


def test_nobody_is_interrupted() -> None:
    """When all are being answered the new one is refused, and counted."""
    connections, _, counted = made(most=2)
    busy = [FakeConnection(f"192.0.2.{n}", busy=True) for n in range(2)]
    for each in busy:
        assert connections.add(each)
    assert not connections.add(FakeConnection("192.0.2.9"))
    assert [each.done for each in busy] == [[], []]
    assert counted == {"refused": 1}
    assert len(connections) == 2


def test_one_address_has_its_own_bound() -> None:
    """It displaces its own connections only; this machine's proxy has no such bound."""
    connections, _, counted = made(most=100, most_per_address=2)
    other = FakeConnection("198.51.100.7")
    mine = [FakeConnection("192.0.2.1") for _ in range(3)]
    for each in (other, *mine):
        assert connections.add(each)
    assert (other.done, mine[0].done) == ([], ["abort"])
    for address in ("127.0.0.1", "::1", ""):
        local = [FakeConnection(address) for _ in range(5)]
        assert all(connections.add(each) for each in local)
        assert not any(each.done for each in local)
    assert not counted


def test_what_is_closed_is_forgotten() -> None:
    """Nothing is kept of connections and addresses that are gone."""
    connections, _, _ = made()
    each = FakeConnection()
    assert connections.add(each)
    connections.remove(each)
    connections.remove(each)
    assert len(connections) == 0
    assert not connections._by_address


def test_a_proxy_has_the_connections_of_many() -> None:
    """It has no bound of its own; a client that is named later, by the PROXY protocol,
    is forgotten all the same."""
    connections = OpenConnections(
        ConnectionCaps(most=100, most_per_address=2),
        Clock(),
        is_proxy=lambda address: address == "10.1.0.5",
    )
    proxied = [FakeConnection("10.1.0.5") for _ in range(5)]
    assert all(connections.add(each) for each in proxied)
    assert not any(each.done for each in proxied)
    for each in proxied:
        each.address = "192.0.2.7"
        connections.remove(each)
    assert len(connections) == 0
    assert not connections._by_address


def proxied(count: int, *, busy: bool = False) -> list[FakeConnection]:
    """Connections of a proxy on this machine whose clients are not known yet."""
    return [FakeConnection("127.0.0.1", busy=busy) for _ in range(count)]


def test_behind_the_proxy_protocol_the_client_has_a_bound() -> None:
    """Once it is known. It displaces its own connections only, and takes nothing from
    the proxy's other clients."""
    connections, _, counted = made(most=100, most_per_address=2)
    each = proxied(4)
    assert all(connections.add(one) for one in each)
    for one, address in zip(
        each, ("192.0.2.7", "198.51.100.1", "192.0.2.7", "192.0.2.7"), strict=True
    ):
        one.address = address
        assert connections.recount(one)
    assert [one.done for one in each] == [["abort"], [], [], []]
    assert not counted
    for one in each:
        connections.remove(one)
    assert len(connections) == 0
    assert not connections._by_address


def test_a_client_whose_connections_are_all_busy() -> None:
    """The new one is closed and counted; nothing is kept of it."""
    connections, _, counted = made(most=100, most_per_address=2)
    each = proxied(3, busy=True)
    for one in each:
        assert connections.add(one)
    for one in each:
        one.address = "192.0.2.7"
    assert [connections.recount(one) for one in each] == [True, True, False]
    assert [one.done for one in each] == [[], [], ["abort"]]
    assert counted == {"refused": 1}
    for one in each:
        connections.remove(one)
    assert not connections._by_address


def test_a_client_that_says_only_who_it_is() -> None:
    """Its connections are counted within a second, though no request begins."""
    connections, clock, _ = made(most=100, most_per_address=2)
    connections.start()
    each = proxied(3)
    for one in each:
        assert connections.add(one)
        one.address = "192.0.2.7"
    clock.advance(1)
    assert [one.done for one in each] == [["abort"], [], []]
    connections.stop()


def test_a_clients_address_stays_a_proxys() -> None:
    """A load balancer that speaks for itself, to see if we are well, has no bound."""
    connections = OpenConnections(
        ConnectionCaps(most=100, most_per_address=2),
        Clock(),
        is_proxy=lambda address: address == "10.1.0.5",
    )
    each = proxied(4)
    for one in each:
        assert connections.add(one)
        one.address = "10.1.0.5"
        assert connections.recount(one)
    assert not any(one.done for one in each)
