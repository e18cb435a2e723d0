"""Builds what screens that ask for their meetings reach: room systems that expect
Exchange, and any other screen."""

from collections.abc import Mapping

from twisted.web.resource import IResource

from pexschedd.composition.runtime import Runtime, random_bytes
from pexschedd.identity.rooms.accounts import EndpointAccounts
from pexschedd.identity.rooms.screen_tokens import ScreenTokens
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.onetouch.contacts import EndpointContacts
from pexschedd.web.rooms.alarms import NothingGivenAlarms
from pexschedd.web.rooms.display.routes import DisplayApi
from pexschedd.web.rooms.exchange import (
    FIRST_PARTS,
    EmulatedExchangeApi,
    MeetingLists,
)
from pexschedd.web.rooms.feedback import FeedbackApi, Told
from pexschedd.web.rooms.meetings import MeetingsApi
from pexschedd.web.rooms.sign_in import RoomSignIn


class ScreenRoutes:
    """The routes of `endpoints.rooms`."""

    def __init__(self, runtime: Runtime, lists: MeetingLists, told: Told) -> None:
        store, now, seconds = runtime.store, runtime.now, runtime.reactor.seconds
        self._reactor = runtime.reactor
        self._alarms = NothingGivenAlarms(runtime.alarms)
        accounts = EndpointAccounts(store, seconds)
        heard = runtime.audit_log.account_sign_in
        self._exchange = EmulatedExchangeApi(
            RoomSignIn(accounts, now, random_bytes, heard),
            lists,
            EndpointContacts(store, now),
            now=now,
            seconds=seconds,
            given=self._alarms.note,
        )
        self._meetings = MeetingsApi(
            ScreenTokens(store, now, seconds),
            lists,
            now=now,
            seconds=seconds,
            heard=heard,
        )
        self._display = DisplayApi()
        self._feedback = FeedbackApi(told)
        store.subscribe(tables.MJX_ENDPOINT, self._changed)

    def resources(self) -> Mapping[bytes, IResource]:
        """Return what is served, by the first part of the paths."""
        exchange = self._exchange.app.resource()
        return {
            **dict.fromkeys(FIRST_PARTS, exchange),
            b"v1": self._meetings.app.resource(),
            b"display": self._display.app.resource(),
            b"feedback": self._feedback.app.resource(),
        }

    def _changed(self, old: Endpoint | None, new: Endpoint | None) -> None:
        if old is not None and (new is None or new.name != old.name):
            # Not during the commit that is under way.
            self._reactor.callLater(0, self._alarms.forget, old)
