"""The parts of the sending through the Webex cloud, joined."""

from collections.abc import Callable

from treq.client import HTTPClient
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model.onetouch.endpoint import WEBEX
from pexschedd.onetouch.pushing.endpoint_alarms import AlarmFamily, EndpointAlarms
from pexschedd.onetouch.pushing.endpoint_list import endpoint_lists
from pexschedd.onetouch.pushing.endpoint_states import EndpointStates
from pexschedd.onetouch.pushing.problems import ProblemKind
from pexschedd.onetouch.pushing.pusher import CountVisit, EndpointPusher
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.onetouch.webex.access import BaseOf, https_base
from pexschedd.onetouch.webex.api_client import ApiClient
from pexschedd.onetouch.webex.cloud import WebexCloud
from pexschedd.onetouch.webex.sign_in import WebexSignIns
from pexschedd.onetouch.webex.tokens import WebexTokens
from pexschedd.onetouch.webex.visits import DeviceVisitor
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store

AT_ONCE = 8
"""Visits at once to devices that worked the last time: the cloud counts requests."""
AT_ONCE_FAILING = 4

OF_WEBEX = AlarmFamily(
    WEBEX,
    {
        ProblemKind.UNREACHABLE: names.WEBEX_UNREACHABLE,
        ProblemKind.BUSY: names.WEBEX_UNREACHABLE,
        ProblemKind.UNTRUSTED: names.WEBEX_UNREACHABLE,
        ProblemKind.CREDENTIALS: names.WEBEX_SIGN_IN,
        ProblemKind.NOT_ALLOWED: names.WEBEX_REFUSED,
        ProblemKind.REFUSED: names.WEBEX_REFUSED,
        ProblemKind.SETTINGS: names.WEBEX_REFUSED,
    },
    lambda endpoint: endpoint.webex_device_id,
)


class WebexParts:
    """The sign-ins at Webex, and the service that brings lists to devices.

    `client` verifies TLS and follows no redirections (see `net.http_client`).
    """

    def __init__(
        self,
        store: Store,
        lists: RoomLists,
        alarms: Alarms,
        client: HTTPClient,
        *,
        clock: IReactorTime,
        now: Now,
        chance: Callable[[], float],
        random: Callable[[int], str],
        count_visit: CountVisit,
        base_of: BaseOf = https_base,
    ) -> None:
        api = ApiClient(client, clock)
        self.tokens = WebexTokens(store, api, clock, now, base_of)
        self.sign_ins = WebexSignIns(
            store, self.tokens, base_of, now=now, random=random
        )
        states = EndpointStates(store, now)
        visitor = DeviceVisitor(
            WebexCloud(api, self.tokens, clock, now),
            states,
            endpoint_lists(store, lists, now),
            base_of,
            clock=clock,
            now=now,
            chance=chance,
        )
        self.pusher = EndpointPusher(
            WEBEX,
            store,
            lists,
            states,
            visitor.visit,
            EndpointAlarms(store, alarms, clock, now, OF_WEBEX),
            clock=clock,
            chance=chance,
            count_visit=count_visit,
            at_once=AT_ONCE,
            at_once_failing=AT_ONCE_FAILING,
        )
