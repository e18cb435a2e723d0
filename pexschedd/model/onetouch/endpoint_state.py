"""The state of an endpoint's screen: the list that it was sent, and how that went."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class EndpointState(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The state of one endpoint; there is none before it was tried.

    Digests stand for lists; nothing of a meeting is kept here.
    """

    endpoint: int
    """The id of the `mjx_endpoint`."""
    last_contact_time: datetime | None = None
    """A time at which it answered as it should. It may be a quarter of an hour older
    than the last one, so that not every look is stored."""
    problem: str = ""
    """A clause about "it", the endpoint; empty if the last try succeeded."""
    problem_kind: str = ""
    """The kind of it; see `onetouch.pushing.problems`."""
    problem_since: datetime | None = None
    address: str = ""
    """The beginning of the URLs of the endpoint that was sent the list; with Webex the
    API's, and the id of the device."""
    room: str = ""
    """The address of the room whose list that was, in lower case; empty in states that
    versions before this one have stored."""
    intended: str = ""
    """The digest of a list that is being sent; empty as soon as it is known to be
    there. After a crash, either list may be on the screen."""
    sent: str = ""
    """The digest of the list that is on the screen."""
    sent_time: datetime | None = None
    sent_because: str = ""
    """The reason for sending it; see `onetouch.pushing.push_plan`."""
    known_address: str = ""
    """The network address from which it has signed in last, as a digest with a key of
    the installation; see `identity.rooms.accounts`."""
    number_of_meetings: int = 0
    """The number of bookings of that list."""
    started: datetime | None = None
    """The time at which the endpoint was started, as it said then."""
    product: str = ""
    software: str = ""
    way: str = ""
    """The way in which this software takes lists; see `onetouch.pushing.software`."""
    feedback_key: str = ""
    """The secret part of the URL at which it tells that it has lost its bookings; empty
    if it was never given one."""
    feedback_slot: int = 0
    """The slot in which it has that URL; 0 if it has not."""
