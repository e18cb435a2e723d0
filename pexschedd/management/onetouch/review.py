"""The check of what is saved for One-Touch Join, and notes on what is not done. Pure.

A rule is judged as it is when it is applied. What the platform reads and this server
does not is taken, because clients send it, and said.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields
from pexschedd.management.onetouch.encryption import require_encryption
from pexschedd.management.save_notes import RecordsAfterwards, Revision, SaveNote
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record
from pexschedd.model.fields.secret_destinations import other_server
from pexschedd.model.fields.validation import Problems
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.model.onetouch.endpoint import CISCO, WEBEX, Endpoint
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.rules.rule import MOST_RULES, rule_problems
from pexschedd.onetouch.rules.rule_sets import rule_templates
from pexschedd.onetouch.rules.stored_rules import meeting_rule

R = TypeVar("R", bound=Record)

NOT_READ = (
    "This server does not read calendars of Google deployments yet: the rooms of this "
    "profile are not read, and nothing is shown on their endpoints."
)
NO_WEBEX = (
    "Nobody has signed in at Webex for this profile: nothing is shown on its endpoints "
    "of the type WEBEX. Sign in at /admin/platform/mjxintegration/{id}/sign_in/"
)
WITHOUT_WEBEX = (
    "The profile of this endpoint does not use Webex: nothing is shown on it. Set the "
    "profile's use_webex."
)
WITHOUT_APPLICATION = (
    "Without the application's secret no room of this deployment can be read. Enter "
    "its value."
)
NEW_DOMAIN = (
    "This is the first room of {domain}, and the deployment has no EWS URL: servers of "
    "that domain are asked for it, and the service account signs in there. Its "
    "password was entered before: be sure that they may have it, or enter the "
    "deployment's ews_url."
)
CISCO_TERMS = (
    "This is the first endpoint of the type {type}. The vendor's release notes say "
    "that showing meetings with a Join button by Bookings Put, bookingsputxml or any "
    "other API needs its permission for commercial use; internal use that is not "
    "commercial is free. Ask devsupport@webex.com, or set another endpoint_type until "
    "you know."
)


class OneTouchReview:
    """Looks at records of One-Touch Join that are about to be saved."""

    def __init__(self, now: Now) -> None:
        self._templates = rule_templates(now)

    def __call__(self, revision: Revision) -> list[SaveNote]:
        """Return the notes on a record; raises `InvalidFields` for a rule that cannot
        be applied, for one too many, and as `require_encryption` does."""
        record = revision.record
        if isinstance(record, ProcessingRule):
            self._check_rule(record, revision.records)
        require_encryption(revision)
        return [*_notes(revision)]

    def _check_rule(self, record: ProcessingRule, records: RecordsAfterwards) -> None:
        problems: Problems = {}
        for field, problem in rule_problems(meeting_rule(record), self._templates):
            problems.setdefault(field, []).append(problem)
        index = tables.MJX_RULE_BY_INTEGRATION
        others = records.find_all(index, record.mjx_integration)
        if sum(1 for _ in others) > MOST_RULES:
            text = f"A profile has {MOST_RULES} rules at most."
            problems.setdefault("mjx_integration", []).append(text)
        if problems:
            raise InvalidFields(problems)


def _notes(revision: Revision) -> Iterator[SaveNote]:
    record = revision.record
    if isinstance(record, JoinProfile):
        yield from _of_profile(record)
    elif isinstance(record, Endpoint):
        yield from _of_endpoint(record, revision)
        yield from _of_mail_domain(record, revision)
    elif isinstance(record, AutodiscoverUrl):
        yield from _of_autodiscover(record, revision)
    elif isinstance(record, GraphDeployment) and not record.client_secret:
        yield SaveNote("client_secret", WITHOUT_APPLICATION, is_logged=True)


def _of_endpoint(record: Endpoint, revision: Revision) -> Iterator[SaveNote]:
    if record.endpoint_type == WEBEX and not _uses_webex(record, revision.records):
        yield SaveNote("endpoint_type", WITHOUT_WEBEX, is_logged=True)
    current, kind = revision.current, record.endpoint_type
    was_so = isinstance(current, Endpoint) and current.endpoint_type == kind
    if kind in (CISCO, WEBEX) and not was_so:
        others = revision.records.all(tables.MJX_ENDPOINT)
        if not any(o.endpoint_type == kind for o in others if o.id != record.id):
            text = CISCO_TERMS.format(type=kind)
            yield SaveNote("endpoint_type", text, is_logged=True)


def _of_mail_domain(record: Endpoint, revision: Revision) -> Iterator[SaveNote]:
    """Note that servers are new that the stored password will be sent to: those that
    Autodiscover asks for the rooms of another mail domain."""
    records, current = revision.records, revision.current
    domain = _domain(record.room_resource_email)
    if isinstance(current, Endpoint) and (
        current.mjx_endpoint_group == record.mjx_endpoint_group
        and _domain(current.room_resource_email) == domain
    ):
        return
    deployment = _deployment_of(record, records)
    if deployment is None or deployment.ews_url:
        return
    own = _domain(deployment.service_account_username)
    if not deployment.service_account_password or domain == own:
        return
    for other in records.all(tables.MJX_ENDPOINT):
        if other.id != record.id and _domain(other.room_resource_email) == domain:
            found = _deployment_of(other, records)
            if found is not None and found.id == deployment.id:
                return
    text = NEW_DOMAIN.format(domain=domain)
    yield SaveNote("room_resource_email", text, is_logged=True)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def _uses_webex(record: Endpoint, records: RecordsAfterwards) -> bool:
    """True without a profile, too: that nothing is shown then is known."""
    profile = _profile_of(record, records)
    return profile is None or profile.use_webex


def _profile_of(record: Endpoint, records: RecordsAfterwards) -> JoinProfile | None:
    for group in records.all(tables.MJX_ENDPOINT_GROUP):
        if group.id == record.mjx_endpoint_group and group.mjx_integration:
            return _with_id(records.all(tables.MJX_INTEGRATION), group.mjx_integration)
    return None


def _deployment_of(
    record: Endpoint, records: RecordsAfterwards
) -> ExchangeDeployment | None:
    profile = _profile_of(record, records)
    if profile is None or profile.exchange_deployment is None:
        return None
    deployments = records.all(tables.MJX_EXCHANGE_DEPLOYMENT)
    return _with_id(deployments, profile.exchange_deployment)


def _with_id(records: Iterable[R], id: int) -> R | None:
    return next((record for record in records if record.id == id), None)


def _of_profile(record: JoinProfile) -> Iterator[SaveNote]:
    if record.google_deployment is not None:
        yield SaveNote("google_deployment", NOT_READ, is_logged=True)
    if record.use_webex and not record.webex_refresh_token:
        yield SaveNote("use_webex", NO_WEBEX.format(id=record.id), is_logged=True)


def _of_autodiscover(record: AutodiscoverUrl, revision: Revision) -> Iterator[SaveNote]:
    """Note that a server is new that the stored password will be sent to: it was
    entered with another record."""
    current, deployment = revision.current, record.exchange_deployment
    was = ""
    if isinstance(current, AutodiscoverUrl):
        was = current.url if current.exchange_deployment == deployment else ""
    if was and not other_server(was, record.url):
        return
    for each in revision.records.all(tables.MJX_EXCHANGE_DEPLOYMENT):
        if each.id == deployment and each.service_account_password:
            text = (
                "The service account of the deployment signs in at this server, too. "
                "Its password was entered before: be sure that the server may have it."
            )
            yield SaveNote("url", text, is_logged=True)
