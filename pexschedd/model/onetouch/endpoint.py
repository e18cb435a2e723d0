"""An endpoint: the system of one room, the platform's `mjx_endpoint`."""

from collections.abc import Iterator
from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import differs

CISCO, POLY, WEBEX = "CISCO", "POLY", "WEBEX"
GLOBAL, YES, NO = "GLOBAL", "YES", "NO"


def _elsewhere(old: str | None, new: str | None) -> bool:
    return bool(new) and differs(old or "", new or "")


def _other_port(old: int | None, new: int | None) -> bool:
    return old != new


def _without_tls(old: str, new: str) -> bool:
    return new == NO and old != NO


class Endpoint(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A room's system, with the mailbox of the room."""

    name: Annotated[str, kinds.record_name("What this endpoint is called.")]
    description: Annotated[str, kinds.notes()] = ""
    endpoint_type: Annotated[
        str,
        Field(
            label="Endpoint type",
            help="CISCO: meetings are sent to the endpoint. POLY: the endpoint asks "
            "for them, as it would ask Exchange. WEBEX: they are sent through the "
            "Webex cloud, with the sign-in of the profile.",
            choices=(CISCO, POLY, WEBEX),
        ),
    ] = CISCO
    room_resource_email: Annotated[
        str,
        Field(
            label="Room resource email",
            help="The mailbox of the room, whose calendar is read. Each room has one "
            "endpoint.",
            min_length=1,
            max_length=150,
            unique=True,
            checks=(addresses.mail_address,),
        ),
    ]
    mjx_endpoint_group: Annotated[
        int | None,
        Field(
            label="Endpoint group",
            help="The group, which has the profile. Without one no meetings are "
            "brought.",
            related="mjx_endpoint_group",
        ),
    ] = None
    api_address: Annotated[
        str | None,
        Field(
            begins="Cisco",
            label="API address",
            help="The endpoint's host name or IP address. Required for CISCO.",
            max_length=255,
            checks=(addresses.host,),
        ),
    ] = None
    api_port: Annotated[
        int | None,
        Field(
            label="API port",
            help="The port of its API; null: 443, or 80 without HTTPS.",
            minimum=1,
            maximum=65535,
        ),
    ] = None
    api_username: Annotated[
        str | None,
        Field(
            label="API username",
            help="An account of the endpoint with the role Admin; empty: the "
            "profile's.",
            max_length=100,
            checks=(addresses.user_name,),
        ),
    ] = None
    api_password: Annotated[
        str,
        Field(
            label="API password",
            help="Its password.",
            max_length=100,
            secret=True,
            sent_by=(
                Destination("api_address", _elsewhere),
                Destination("api_port", _other_port),
                Destination("use_https", _without_tls),
            ),
        ),
    ] = ""
    use_https: Annotated[
        str,
        Field(
            label="Use HTTPS",
            help="Whether it is reached by HTTPS; GLOBAL: as the profile says.",
            choices=(GLOBAL, YES, NO),
        ),
    ] = GLOBAL
    verify_cert: Annotated[
        str,
        Field(
            label="Verify certificate",
            help="Whether its certificate is checked; GLOBAL: as the profile says.",
            choices=(GLOBAL, YES, NO),
        ),
    ] = GLOBAL
    poly_username: Annotated[
        str | None,
        Field(
            begins="Poly",
            label="Poly username",
            help="The account with which the endpoint asks for its meetings, of its "
            "own. Required for POLY.",
            max_length=150,
            checks=(addresses.user_name,),
            unique=True,
        ),
    ] = None
    poly_password: Annotated[
        str,
        Field(
            label="Poly password",
            help="Its password. Required for POLY.",
            max_length=100,
            secret=True,
            received=True,
        ),
    ] = ""
    poly_raise_alarms_for_this_endpoint: Annotated[
        bool,
        Field(
            label="Raise alarms",
            help="Raise an alarm when the endpoint cannot be given its meetings.",
        ),
    ] = True
    webex_device_id: Annotated[
        str | None,
        Field(
            begins="Webex",
            label="Webex device ID",
            help="The device's id at Webex, as its Devices API has it. Required for "
            "WEBEX.",
            max_length=250,
        ),
    ] = None

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that the type of endpoint requires, each with the
        problem."""
        for name in _NEEDED.get(self.endpoint_type, ()):
            if not getattr(self, name):
                yield name, f"This is required for endpoint_type {self.endpoint_type}."
        if self.api_password and not self.api_username:
            yield "api_username", "This is required with api_password."


_NEEDED = {
    CISCO: ("api_address",),
    POLY: ("poly_username", "poly_password"),
    WEBEX: ("webex_device_id",),
}
