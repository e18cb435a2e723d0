"""A client that knows EWS from its published shapes alone, and its answers held to
Exchange's own schema."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import pytest_twisted
from lxml import etree

from tests.web_rooms.rooms_support import (
    DAY,
    ELM,
    NOW,
    NS,
    OAK,
    PASSWORD,
    USER,
    ExchangeSchema,
    RoomWorld,
    basic,
    meeting,
    soap,
    texts,
    view,
)

CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'


def shape(base: str = "AllProperties", more: str = "") -> str:
    return f"<m:ItemShape><t:BaseShape>{base}</t:BaseShape>{more}</m:ItemShape>"


def get_folder(reference: str) -> str:
    return (
        "<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape>"
        f"</m:FolderShape><m:FolderIds>{reference}</m:FolderIds></m:GetFolder>"
    )


def get_item(*ids: str, more: str = "") -> str:
    named = "".join(f'<t:ItemId Id="{id}"/>' for id in ids)
    return f"<m:GetItem>{shape(more=more)}<m:ItemIds>{named}</m:ItemIds></m:GetItem>"


def pull(folders: str = f"<t:FolderIds>{CALENDAR}</t:FolderIds>") -> str:
    return (
        f"<m:Subscribe><m:PullSubscriptionRequest>{folders}<t:EventTypes>"
        "<t:EventType>CreatedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType>"
        "<t:EventType>ModifiedEvent</t:EventType></t:EventTypes><t:Timeout>10"
        "</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>"
    )


def get_events(id: str, watermark: str) -> str:
    return (
        f"<m:GetEvents><m:SubscriptionId>{id}</m:SubscriptionId>"
        f"<m:Watermark>{watermark}</m:Watermark></m:GetEvents>"
    )


def sync(state: str = "", most: str = "512") -> str:
    given = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    return (
        f"<m:SyncFolderItems>{shape('Default')}<m:SyncFolderId>{CALENDAR}"
        f"</m:SyncFolderId>{given}<m:MaxChangesReturned>{most}</m:MaxChangesReturned>"
        "</m:SyncFolderItems>"
    )


def availability(address: str, start: str, end: str, kind: str = "Detailed") -> str:
    return (
        "<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>-60</t:Bias><t:StandardTime>"
        "<t:Bias>0</t:Bias><t:Time>03:00:00</t:Time><t:DayOrder>5</t:DayOrder>"
        "<t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>"
        "<t:DaylightTime><t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>5"
        "</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek>"
        "</t:DaylightTime></t:TimeZone><m:MailboxDataArray><t:MailboxData><t:Email>"
        f"<t:Address>{address}</t:Address></t:Email><t:AttendeeType>Room"
        "</t:AttendeeType></t:MailboxData></m:MailboxDataArray><t:FreeBusyViewOptions>"
        f"<t:TimeWindow><t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime>"
        "</t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>60"
        f"</t:MergedFreeBusyIntervalInMinutes><t:RequestedView>{kind}"
        "</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"
    )


EVERYTHING: dict[str, str] = {
    "view": DAY,
    "page": f'<m:FindItem Traversal="Shallow">{shape()}<m:ParentFolderIds>{CALENDAR}'
    "</m:ParentFolderIds></m:FindItem>",
    "folders": get_folder(
        f'{CALENDAR}<t:DistinguishedFolderId Id="inbox"/>'
        '<t:DistinguishedFolderId Id="tasks"/><t:FolderId Id="nothing"/>'
    ),
    "tree": '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default'
    "</t:BaseShape></m:FolderShape><m:ParentFolderIds>"
    '<t:DistinguishedFolderId Id="root"/></m:ParentFolderIds></m:FindFolder>',
    "missing item": get_item("nothing", "A" * 24),
    "sync": sync(),
    "bad state": sync("bm90aGluZw=="),
    "subscribe": pull(),
    "no subscription": get_events("x", "y"),
    "availability": availability(OAK, "2026-12-01T00:00:00", "2026-12-02T00:00:00"),
    "merged": availability(
        OAK, "2026-12-01T00:00:00", "2026-12-02T00:00:00", "MergedOnly"
    ),
    "others' availability": availability(
        ELM, "2026-12-01T00:00:00", "2026-12-02T00:00:00"
    ),
    "names": '<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>oak'
    "</m:UnresolvedEntry></m:ResolveNames>",
    "no names": '<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>'
    "elm</m:UnresolvedEntry></m:ResolveNames>",
    "zones": '<m:GetServerTimeZones ReturnFullTimeZoneData="true"/>',
    "zone names": "<m:GetServerTimeZones><m:Ids><t:Id>UTC</t:Id><t:Id>Nowhere</t:Id>"
    "</m:Ids></m:GetServerTimeZones>",
    "write": '<m:DeleteItem DeleteType="HardDelete"><m:ItemIds/></m:DeleteItem>',
    "unknown": "<m:GetRoomLists/>",
}


@pytest.fixture(scope="module")
def schema() -> ExchangeSchema:
    return ExchangeSchema()


@pytest.mark.parametrize("name", EVERYTHING)
@pytest_twisted.ensureDeferred
async def test_every_answer_is_exchanges(
    world: RoomWorld, schema: ExchangeSchema, name: str
) -> None:
    """Each answer, refusals included, is made as Exchange's are."""
    awkward = meeting("\x0b<&>" + "x" * 300, is_private=True, organizer_email="")
    world.lists.meetings[world.oak] += (awkward, meeting("None", details=None))
    _, headers, body = await world.post(
        world.ews, soap(EVERYTHING[name]), basic(USER, PASSWORD)
    )
    assert headers.getRawHeaders("content-type") == ["text/xml; charset=utf-8"]
    schema.check(body)


@pytest_twisted.ensureDeferred
async def test_an_item_read_in_full(world: RoomWorld) -> None:
    """Found by the view, read by its id: text where text is asked for, and nothing of
    the item's id in Exchange."""
    (id, _) = [
        each.get("Id", "")
        for each in (await world.ask(DAY)).iterfind(".//t:ItemId", NS)
    ]
    assert "real" not in id
    text = "<t:BodyType>Text</t:BodyType>"
    answer = await world.ask(get_item(id, more=text))
    assert texts(answer, ".//t:Subject") == ["Standup"]
    (body,) = texts(answer, ".//t:Body")
    assert body.splitlines()[0] == "sip:123.456@zoomcrc.com"
    assert texts(answer, ".//t:Start") == ["2026-12-01T09:00:00Z"]


OTHER = f"<t:Mailbox><t:EmailAddress>{ELM}</t:EmailAddress></t:Mailbox>"
OWN = "<t:Mailbox><t:EmailAddress>OAK@Example.Test</t:EmailAddress></t:Mailbox>"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (view("2026-12-01T00:00:00Z", "2126-12-01T00:00:00Z"), "RangeTooBig"),
        (view("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z"), "EarlierThanStartDate"),
        (view("yesterday", "2026-12-01T00:00:00Z"), "ErrorSchemaValidation"),
        (view("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"), "SchemaValidation"),
        (view("2026-12-01T00:00Z", "2026-12-02T00:00Z", inner=OTHER), "AccessDenied"),
        (view("2026-12-01T00:00Z", "2026-12-02T00:00Z", inner=OWN), "NoError"),
        (view("2026-12-01T00:00Z", "2026-12-02T00:00Z", "tasks"), "FolderNotFound"),
        (get_item(*["A" * 24] * 201), "ErrorInvalidRequest"),
        (get_folder(CALENDAR * 51), "ErrorInvalidRequest"),
        (availability(OAK, "2026-01-01T00:00:00", "2126-01-01T00:00:00"), "TooBig"),
        (sync(most="513"), "ErrorSchemaValidation"),
        (
            "<m:Subscribe><m:StreamingSubscriptionRequest/></m:Subscribe>",
            "ErrorInvalidSubscriptionRequest",
        ),
        (f"<m:CreateItem>{CALENDAR}</m:CreateItem>", "ErrorAccessDenied"),
        ("<m:Guess/>", "ErrorInvalidOperation"),
        ("<m:Guess/><m:Guess/>", "ErrorSchemaValidation"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_too_much_or_not_allowed(
    world: RoomWorld, request_: str, expected: str
) -> None:
    """A hundred years, another room, thousands of ids: refused in Exchange's words."""
    (code,) = set(await world.codes(request_))
    assert expected in code


@pytest_twisted.ensureDeferred
async def test_nobody_acts_for_another_room(world: RoomWorld) -> None:
    """Impersonation is for the own room only."""

    def acting(address: str) -> str:
        return (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
            f"{address}</t:PrimarySmtpAddress></t:ConnectingSID>"
            "</t:ExchangeImpersonation>"
        )

    assert await world.codes(DAY, acting(OAK)) == ["NoError"]
    assert await world.codes(DAY, acting(ELM)) == ["ErrorImpersonateUserDenied"]


@pytest_twisted.ensureDeferred
async def test_ids_of_another_room_are_none(world: RoomWorld) -> None:
    """An item, a state or a subscription of one room opens nothing in another, and the
    same meeting has different ids in both."""
    same = world.lists.meetings[world.oak]
    world.lists.meetings[world.elm] = same
    elm = basic("elm-screen", "other")
    theirs = await world.ask(DAY, **elm)
    id = theirs.find(".//t:ItemId", NS).get("Id", "")  # type: ignore[union-attr]
    assert await world.codes(get_item(id)) == ["ErrorItemNotFound"]
    (state,) = texts(await world.ask(sync(), **elm), ".//m:SyncState")
    assert await world.codes(sync(state)) == ["ErrorInvalidSyncStateData"]
    subscribed = await world.ask(pull(), **elm)
    (subscription,) = texts(subscribed, ".//m:SubscriptionId")
    (mark,) = texts(subscribed, ".//m:Watermark")
    refused = ["ErrorSubscriptionNotFound"]
    assert await world.codes(get_events(subscription, mark)) == refused


@pytest_twisted.ensureDeferred
async def test_a_long_list_is_synchronised_in_parts(world: RoomWorld) -> None:
    """Changes come in parts, each once, and the state says where the client is."""
    world.lists.meetings[world.oak] = tuple(
        meeting(str(n), NOW + timedelta(hours=n)) for n in range(25)
    )
    state, seen, answers = "", [], 0
    while True:
        answer = await world.ask(sync(state, "10"))
        answers += 1
        seen += texts(answer, ".//t:Subject")
        (state,) = texts(answer, ".//m:SyncState")
        if texts(answer, ".//m:IncludesLastItemInRange") == ["true"]:
            break
    assert (answers, seen) == (3, [str(n) for n in range(25)])


@pytest_twisted.ensureDeferred
async def test_subscriptions_end(world: RoomWorld) -> None:
    """One that is not used ends by its time; of many the oldest ends; one that was
    ended is gone; a watermark of another time is refused."""
    subscribed = [await world.ask(pull()) for _ in range(11)]
    ids = [texts(each, ".//m:SubscriptionId")[0] for each in subscribed]
    marks = [texts(each, ".//m:Watermark")[0] for each in subscribed]
    gone = ["ErrorSubscriptionNotFound"]
    assert await world.codes(get_events(ids[0], marks[0])) == gone
    assert await world.codes(get_events(ids[1], marks[1])) == ["NoError"]
    assert await world.codes(get_events(ids[1], marks[2])) == ["ErrorInvalidWatermark"]
    end = (
        f"<m:Unsubscribe><m:SubscriptionId>{ids[1]}</m:SubscriptionId></m:Unsubscribe>"
    )
    assert await world.codes(end) == ["NoError"]
    assert await world.codes(end) == gone
    world.moment += timedelta(minutes=11)
    assert await world.codes(get_events(ids[2], marks[2])) == gone


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-12-01T00:00:00", "2026-12-02T00:00:00", "2026-12-01T10:00:00"),
        ("2026-07-01T00:00:00", "2026-07-02T00:00:00", "2026-07-01T11:00:00"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_busy_times_by_the_clients_clock(
    world: RoomWorld, start: str, end: str, expected: str
) -> None:
    """Times are local, with and without daylight saving."""
    summer = NOW.replace(month=7, hour=9)
    world.lists.meetings[world.oak] += (meeting("Summer", summer),)
    answer = await world.ask(availability(OAK, start, end))
    assert texts(answer, ".//t:StartTime")[0] == expected


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no xml": lambda: b"hello",
    "empty": lambda: b"",
    "entities": lambda: b'<!DOCTYPE a [<!ENTITY b "c">]>' + soap(DAY),
    "a file": lambda: (
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
        + soap("<m:A>&b;</m:A>")
    ),
    "deep": lambda: soap("<m:A>" * 20_000 + "</m:A>" * 20_000),
    "torn": lambda: soap(DAY)[:-20],
    "large": lambda: soap(f"<m:A>{'x' * 300_000}</m:A>"),
    "utf-16 without a mark": lambda: soap(DAY).decode().encode("utf-16-le"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest_twisted.ensureDeferred
async def test_hostile_bodies(world: RoomWorld, name: str) -> None:
    """What is no request is answered with a fault, and the next one is answered."""
    sent = HOSTILE[name]()
    status, _, body = await world.post(world.ews, sent, basic(USER, PASSWORD))
    assert status == 500
    assert b"Fault" in body
    assert b"root:" not in body
    assert await world.codes(DAY) == ["NoError"]


POX = (
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/'
    'requestschema/2006"><Request><EMailAddress>{}</EMailAddress>'
    "<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/"
    "outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
)


@pytest_twisted.ensureDeferred
async def test_plain_autodiscover(world: RoomWorld) -> None:
    """The own address is led to the calendar; another one is not known."""
    where = f"{world.url}/AutoDiscover/AutoDiscover.xml"
    own = basic(f"EXAMPLE\\{USER}", PASSWORD)
    _, _, body = await world.post(where, POX.format(OAK).encode(), own)
    found = etree.fromstring(body).findall(".//{*}EwsUrl")
    assert {each.text for each in found} == {world.ews}
    for sent in (POX.format(ELM), POX.format(""), "<a", ""):
        _, _, body = await world.post(where, sent.encode(), own)
        assert etree.fromstring(body).findtext(".//{*}ErrorCode") in ("500", "600")
        assert b"asmx" not in body
    proxied = {"X-Forwarded-For": "192.0.2.1", **own}
    _, _, body = await world.post(where, POX.format(OAK).encode(), proxied)
    assert world.ews.replace("http:", "https:").encode() in body
