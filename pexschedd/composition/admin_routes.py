"""Builds the management API's routes."""

from functools import partial

from twisted.web.resource import IResource

from pexschedd.composition.addin_routes import AddinRoutes
from pexschedd.composition.clients import Clients
from pexschedd.composition.monitoring import Monitoring, certificate_records
from pexschedd.composition.one_touch import OneTouchJoin, rooms_doctor
from pexschedd.composition.runtime import Runtime, uuid4
from pexschedd.composition.transfer import large_transfers, transfer_routes
from pexschedd.composition.upkeep import UpkeepServices
from pexschedd.doctor.doctor import Doctor
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.oauth.application import Applications
from pexschedd.identity.script_tokens import ScriptTokens, issuer
from pexschedd.management.computed.draft import Drafts
from pexschedd.management.computed.live import LiveRecords
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.onetouch.review import OneTouchReview
from pexschedd.management.onetouch.rule_tests import RuleTests
from pexschedd.management.record_queries import RecordQueries
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.save_notes import Revision, SaveNote
from pexschedd.onetouch.endpoint_checks import EndpointChecks
from pexschedd.web.admin.addin_files import AddinFileRoutes
from pexschedd.web.admin.api import AdminApi, AdminRoutes
from pexschedd.web.admin.audits import AuditRoutes
from pexschedd.web.admin.commands.deployments import RoomsDoctorRoutes
from pexschedd.web.admin.commands.endpoint_check import EndpointCheckRoutes
from pexschedd.web.admin.commands.mailboxes import MailboxCommandRoutes
from pexschedd.web.admin.commands.own_password import OwnPasswordRoutes
from pexschedd.web.admin.commands.rule_test import RuleTestRoutes, large_invitations
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.consequences import consequences
from pexschedd.web.admin.doctor import DoctorRoutes
from pexschedd.web.admin.oauth_tokens import OAuthTokenRoutes
from pexschedd.web.admin.openapi.serving import OpenApiRoutes
from pexschedd.web.admin.overview import OverviewRoutes
from pexschedd.web.admin.page.routes import PageRoutes
from pexschedd.web.admin.records import RecordRoutes, large_bodies
from pexschedd.web.admin.service_account import (
    DeploymentAccountRoutes,
    ServiceAccountRoutes,
)
from pexschedd.web.admin.status.addins import addin_statuses
from pexschedd.web.admin.status.audits import audit_statuses
from pexschedd.web.admin.status.mailbox_runs import KINDS, run_statuses
from pexschedd.web.admin.status.service_accounts import (
    deployment_account_statuses,
    service_account_statuses,
)
from pexschedd.web.admin.webex.sign_in import WebexSignInRoutes


class ManagementRoutes:
    """The routes for administrators, and who may use them."""

    def __init__(
        self,
        runtime: Runtime,
        clients: Clients,
        one_touch: OneTouchJoin,
        addin: AddinRoutes,
        doctor: Doctor,
    ) -> None:
        self._runtime = runtime
        self._clients = clients
        self._one_touch = one_touch
        self._addin = addin
        self._doctor = doctor
        self._one_touch_review = OneTouchReview(runtime.now)
        self.administrators = Administrators(
            runtime.store,
            runtime.now,
            runtime.in_thread,
            seconds=runtime.reactor.seconds,
            counted=runtime.metrics.sign_in,
        )
        self._script_tokens = ScriptTokens(
            runtime.store, runtime.now, self.administrators.count_failure
        )

    def resource(self, monitoring: Monitoring, upkeep: UpkeepServices) -> IResource:
        """Return the resource that serves them all."""
        runtime, store = self._runtime, self._runtime.store
        columns = ColumnIndexes(store, runtime.reactor)
        queries = RecordQueries(store, runtime.reactor, columns=columns)
        writer = RecordWriter(
            store,
            runtime.templates,
            clock=runtime.reactor,
            now=runtime.now,
            uuid4=uuid4,
            review=self._review,
            make_hash=self.administrators.make_hash,
            issue=issuer(uuid4),
            columns=columns,
        )
        heard = runtime.audit_log.sign_in
        live = {**self._live(monitoring, upkeep), **self._one_touch.statuses()}
        parts: tuple[AdminRoutes, ...] = (
            OverviewRoutes(),
            OpenApiRoutes(),
            RecordRoutes(queries, writer),
            ComputedRoutes(ComputedQueries(store, runtime.reactor, runtime.now, live)),
            AddinFileRoutes(store, self._addin.files, runtime.now),
            AuditRoutes(upkeep.audits),
            MailboxCommandRoutes(upkeep.mailbox_commands, runtime.now),
            OwnPasswordRoutes(self.administrators, heard),
            RuleTestRoutes(RuleTests(store, runtime.rule_tests, runtime.now)),
            EndpointCheckRoutes(EndpointChecks(store, self._one_touch.checks())),
            WebexSignInRoutes(
                self._one_touch.webex.sign_ins, runtime.audit_log.account_sign_in
            ),
            DoctorRoutes(
                store,
                self._doctor.examine,
                self._doctor.examine_draft,
                Drafts(store, runtime.templates, now=runtime.now, uuid4=uuid4),
            ),
            RoomsDoctorRoutes(
                store,
                rooms_doctor(runtime, self._clients, self._one_touch.lists.stale),
            ),
            ServiceAccountRoutes(
                store,
                self._clients.accounts.sign_ins,
                self._clients.accounts.token_caches,
                Applications(store, runtime.now, runtime.in_thread),
                now=runtime.now,
                heard=runtime.audit_log.account_sign_in,
            ),
            DeploymentAccountRoutes(
                store,
                self._clients.room_accounts.sign_ins,
                self._clients.room_accounts.token_caches,
                now=runtime.now,
                heard=runtime.audit_log.account_sign_in,
            ),
            *transfer_routes(runtime, self._clients.network, writer.tools),
            OAuthTokenRoutes(self._script_tokens.clients, heard),
            PageRoutes(),
        )
        return AdminApi(
            self.administrators, parts, self._script_tokens, heard
        ).resource()

    def large_bodies(self) -> dict[bytes, int]:
        """Return the addresses that take more than others: see `HttpSite`."""
        return large_bodies() | large_transfers() | large_invitations()

    def _live(self, monitoring: Monitoring, upkeep: UpkeepServices) -> LiveRecords:
        """The records that only the running daemon knows, by status list."""
        runtime, store, clients = self._runtime, self._runtime.store, self._clients
        return {
            "exchange_integration": monitoring.integrations,
            "message_count": runtime.message_counts.records,
            "certificate": partial(
                certificate_records, clients.certificates, runtime.now
            ),
            "exchange_scheduler_addin": partial(
                addin_statuses, store, self._addin.state
            ),
            "exchange_scheduler_audit": partial(audit_statuses, store, upkeep.audits),
            "exchange_service_account": partial(
                service_account_statuses,
                store,
                clients.accounts.token_caches,
                runtime.now,
            ),
            "mjx_service_account": partial(
                deployment_account_statuses,
                store,
                clients.room_accounts.token_caches,
                runtime.now,
            ),
            **{
                kind.status: partial(run_statuses, kind, store, upkeep.mailbox_commands)
                for kind in KINDS
            },
        }

    def _review(self, revision: Revision) -> list[SaveNote]:
        return [
            *consequences(revision),
            *self._addin.review(revision),
            *self._one_touch_review(revision),
        ]
