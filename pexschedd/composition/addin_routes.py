"""Builds the add-in's routes: the pane, rooms, tags, and users who sign in."""

from twisted.application.service import MultiService
from twisted.web.resource import IResource

from pexschedd.composition.addin_mailboxes import AddinMailboxes
from pexschedd.composition.clients import Clients
from pexschedd.composition.runtime import Runtime, digits, random_text, uuid4
from pexschedd.composition.user_sign_in import user_sign_ins
from pexschedd.doctor.case import AddinState
from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.identity.personal.sessions import Sessions
from pexschedd.management.save_notes import Revision, SaveNote
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.owned_rooms import OwnedRooms
from pexschedd.personal.room_texts import PersonalRoomTexts
from pexschedd.personal.rooms import PersonalRooms
from pexschedd.personal.users import PersonalUsers
from pexschedd.scheduling.booking import Booking
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.room_addresses import RoomAddresses
from pexschedd.scheduling.tag_status import TagStatuses
from pexschedd.web.addin import personal_rooms, sign_in
from pexschedd.web.addin.api import AddinApi
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.headers import (
    OUTLOOK,
    content_security_policy,
    frame_ancestors,
)
from pexschedd.web.addin.manifest.deployed import PaneVisits
from pexschedd.web.addin.msal.library import MsalLibrary
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.rates import (
    TAGS_PER_ADDRESS,
    TAGS_PER_USER,
    RequestRates,
)
from pexschedd.web.addin.review import review, text_notes
from pexschedd.web.addin.route_groups import AddinRouteGroups
from pexschedd.web.addin.sign_in_pages import UserSignInPages
from pexschedd.web.addin.tags import TagRoutes
from pexschedd.web.webhooks.change_notifications import change_notification_group


class AddinRoutes(MultiService):
    """The add-in's routes, and what administrators are told about the add-in."""

    def __init__(self, runtime: Runtime, clients: Clients) -> None:
        super().__init__()
        self._runtime = runtime
        self._clients = clients
        self.files = ConnectorFiles(runtime.config.state_dir)
        self._library = MsalLibrary()
        self.pages = PanePages(
            self.files, runtime.message_texts.placeholder, self._library
        )
        self._visits = PaneVisits(runtime.now, self._domains)
        self._users = PersonalUsers(runtime.store, uuid4)
        self._mailed_tokens = MailedTokens(runtime.store, runtime.now)
        self._sessions = Sessions(runtime.reactor.seconds, random_text)

    def resource(self) -> IResource:
        """Return the resource that serves them all."""
        runtime = self._runtime
        allocator = AliasAllocator(
            runtime.store, now=runtime.now, uuid4=uuid4, digits=digits
        )
        booking = Booking(
            runtime.store, runtime.message_texts, allocator, runtime.reactor.seconds
        )
        mailboxes = AddinMailboxes(self._clients.connections)
        mailboxes.setServiceParent(self)
        addresses = RoomAddresses(mailboxes.mailbox, runtime.reactor)
        api: IResource = AddinApi(
            self._connector,
            self._clients.identity.verify,
            booking,
            self.files,
            self.pages,
            self._rates(),
            policy=lambda connector: content_security_policy(
                connector, self._domains(connector.id)
            ),
            visits=self._visits,
            room_addresses=addresses.of,
        ).app.resource()
        signing_in = self._user_sign_in()
        groups = {
            personal_rooms.GROUP: self._personal_rooms(),
            "meeting_tags": self._tags(mailboxes, addresses),
        }
        groups |= dict.fromkeys(sign_in.GROUPS, signing_in)
        groups |= change_notification_group(
            self._clients.graph.webhooks.find, runtime.reactor.seconds
        )
        return AddinRouteGroups(api, groups)

    def state(self, connector: Connector) -> AddinState:
        """Return what the doctor and administrators are told of an add-in."""
        frames = frame_ancestors(connector, self._domains(connector.id))
        return AddinState(
            manifests=self._visits.manifests(connector),
            frames=tuple(each for each in frames if each not in OUTLOOK),
            refused_frames=self._visits.refused_frames(connector),
            notes=tuple(f"{n.field}: {n.text}" for n in text_notes(connector)),
            has_msal=self._library.is_installed(),
        )

    def review(self, revision: Revision) -> list[SaveNote]:
        """Return the notes on a record that is about to be saved: see `review`."""
        return review(revision, has_msal=self._library.is_installed())

    def _domains(self, connector: int) -> list[str]:
        """The metadata domains of an integration."""
        index = tables.DOMAIN_BY_CONNECTOR
        return [each.domain for each in self._runtime.store.find_all(index, connector)]

    def _tags(self, mailboxes: AddinMailboxes, addresses: RoomAddresses) -> IResource:
        runtime = self._runtime
        resource: IResource = TagRoutes(
            self._connector,
            self._clients.identity.verify,
            TagStatuses(
                runtime.store,
                mailboxes.organizers,
                clock=runtime.reactor,
                now=runtime.now,
                counted=runtime.metrics.tag_asked,
            ),
            addresses.of,
            RequestRates(
                TAGS_PER_USER,
                TAGS_PER_ADDRESS,
                runtime.reactor.seconds,
                runtime.metrics.tags_limited,
                what="This meeting's room was looked up too often",
            ),
        ).app.resource()
        return resource

    def _user_sign_in(self) -> IResource:
        sign_ins = user_sign_ins(
            self._runtime,
            self._clients.network,
            self._clients.provider_documents,
            self._connector,
            self._sessions,
            self._users,
        )
        resource: IResource = sign_in.UserSignInRoutes(
            self._connector,
            self._clients.identity.verify,
            self._mailed_tokens.has,
            sign_ins,
            UserSignInPages(),
            self._rates(),
            self._runtime.metrics.user_sign_in,
            self._runtime.audit_log.account_sign_in,
        ).app.resource()
        return resource

    def _personal_rooms(self) -> IResource:
        runtime = self._runtime
        rooms = PersonalRooms(
            OwnedRooms(runtime.store),
            PersonalRoomTexts(runtime.message_texts),
            runtime.reactor.seconds,
        )
        resource: IResource = personal_rooms.PersonalRoomRoutes(
            self._connector,
            self._clients.identity.verify,
            self._mailed_tokens.has,
            self._sessions.user_of,
            self._users,
            rooms,
            self._rates(),
            runtime.metrics.personal_rooms,
        ).app.resource()
        return resource

    def _connector(self, id: int) -> Connector | None:
        return self._runtime.store.get(tables.CONNECTOR, id)

    def _rates(self) -> RequestRates:
        """Rates with counts of their own."""
        runtime = self._runtime
        return RequestRates(
            runtime.config.bookings_per_user,
            runtime.config.bookings_per_address,
            runtime.reactor.seconds,
            runtime.metrics.limited,
        )
