"""The whole daemon, with an account that signs in with NTLM or Kerberos."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.peers.apache import Apache
from tests.peers.kdc import REALM, Kdc
from tests.system.organizer_support import organizer
from tests.system.room_support import configure_room
from tests.system.system_support import ALICE, World, eventually

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)


@pytest.mark.parametrize("method", ["NTLM", "KERBEROS"])
def test_a_meeting_is_answered(
    world: World, in_front: Apache, realm: Kdc, method: str
) -> None:
    """From the settings to the answer; then a wrong password is told, and mended."""
    location = world.create_integration(
        url=in_front.url(f"{method.lower()}-tls"),
        authentication_method=method,
        username="svc@example.test",
        password="right",
        kerberos_realm=REALM,
        kerberos_kdc=realm.address,
    )
    with organizer(world.exchange, ALICE) as alice:
        body = world.meeting_details(world.token()).json()["result"]["instructions"]
        alice.invite("Plans", SOON, SOON + timedelta(hours=1), body)
        ((kind, _text),) = eventually(alice.answers, "the answer")
    assert kind == "IPM.Schedule.Meeting.Resp.Pos"
    # One that the authority of this test will soon be over.
    usual = world.alarms()
    assert all("expires" in alarm for alarm in usual)

    def set_password(password: str) -> None:
        path = location.partition("/api/admin/")[2]
        assert world.ask("PATCH", path, {"password": password}).ok

    set_password("wrong")

    def told() -> list[str]:
        return [alarm for alarm in world.alarms() if "password" in alarm]

    (alarm,) = eventually(told, "an alarm")
    assert "svc@example.test" in alarm
    set_password("right")
    eventually(lambda: not told(), "the end of the alarm")
    # Apache would wait for the end of the stream.
    world.daemon.stop()


@pytest.mark.parametrize("method", ["NTLM", "KERBEROS"])
@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_room_is_read(
    world: World, in_front: Apache, realm: Kdc, method: str, password: str
) -> None:
    """The account of a deployment of One-Touch Join signs in as that of an integration
    does, and a wrong password is told."""
    configure_room(
        world,
        ews_url=in_front.url(f"{method.lower()}-tls"),
        authentication_method=method,
        service_account_password=password,
        kerberos_realm=REALM if method == "KERBEROS" else "",
        kerberos_kdc=realm.address if method == "KERBEROS" else "",
    )
    answer = world.ask("POST", "command/v1/mjx_exchange_deployment/1/check/")
    status = {line["check"]: line["status"] for line in answer.json()["lines"]}
    if password == "right":
        assert (status["sign_in"], status["rooms_read"]) == ("passed", "passed")
    else:
        assert status["sign_in"] == "failed"
