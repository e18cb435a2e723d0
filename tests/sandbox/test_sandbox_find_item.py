"""FindItem: pages, restrictions, calendar views, and what it leaves out."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    NS,
    SVC,
    CheckedSandbox,
    find_item,
    item_ids,
    item_shape,
    meeting,
    text,
    texts,
)

GOID = (
    '<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" '
    'PropertyType="Binary"/>'
)


def test_pages_cover_everything_once(sandbox: CheckedSandbox) -> None:
    """Following IndexedPagingOffset gives each item exactly once."""
    for number in range(7):
        sandbox.later(seconds=1)
        meeting(sandbox, subject=f"m{number}")
    seen: list[str] = []
    offset, last = "0", "false"
    while last == "false":
        view = (
            f'<m:IndexedPageItemView MaxEntriesReturned="3" Offset="{offset}" '
            'BasePoint="Beginning"/>'
        )
        order = (
            '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI '
            'FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder>'
        )
        answer = sandbox.ask(EQUIPMENT, find_item(inner=view + order))
        seen += texts(answer, ".//t:Subject")
        root = answer.find(".//m:RootFolder", NS)
        assert root is not None
        assert root.get("TotalItemsInView") == "7"
        offset = root.get("IndexedPagingOffset", "")
        last = root.get("IncludesLastItemInRange", "")
    assert seen == [f"m{number}" for number in range(7)]


def condition(kind: str, uri: str, constant: str) -> str:
    return (
        f'<t:{kind}><t:FieldURI FieldURI="{uri}"/><t:FieldURIOrConstant>'
        f'<t:Constant Value="{constant}"/></t:FieldURIOrConstant></t:{kind}>'
    )


def contains(mode: str, uri: str, constant: str) -> str:
    return (
        f'<t:Contains ContainmentMode="{mode}" ContainmentComparison="IgnoreCase">'
        f'<t:FieldURI FieldURI="{uri}"/><t:Constant Value="{constant}"/></t:Contains>'
    )


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (condition("IsEqualTo", "item:Subject", "alpha"), {"Alpha"}),
        (condition("IsNotEqualTo", "item:Subject", "alpha"), {"Beta", "Mail"}),
        (contains("Prefixed", "item:ItemClass", "ipm.schedule."), {"Alpha", "Beta"}),
        (contains("Substring", "item:Subject", "ET"), {"Beta"}),
        (contains("FullString", "item:Subject", "bet"), set()),
        (
            condition("IsLessThan", "item:DateTimeReceived", "2026-11-20T08:01:00Z"),
            {"Alpha"},
        ),
        (
            condition(
                "IsGreaterThanOrEqualTo",
                "item:DateTimeReceived",
                "2026-11-20T09:01:00+01:00",
            ),
            {"Beta", "Mail"},
        ),
        (condition("IsEqualTo", "message:From", ALICE), {"Alpha", "Beta", "Mail"}),
        (condition("IsEqualTo", "message:IsRead", "true"), {"Mail"}),
        ('<t:Exists><t:FieldURI FieldURI="calendar:Start"/></t:Exists>',
         {"Alpha", "Beta"}),
        (
            (f"<t:And>{contains('Prefixed', 'item:ItemClass', 'IPM.Schedule')}<t:Not>"
            f"{condition('IsEqualTo', 'item:Subject', 'Beta')}</t:Not></t:And>"),
            {"Alpha"},
        ),
        (
            (f"<t:Or>{condition('IsEqualTo', 'item:Subject', 'Beta')}"
            f"{condition('IsEqualTo', 'item:Subject', 'Mail')}</t:Or>"),
            {"Beta", "Mail"},
        ),
        (
            ('<t:IsEqualTo><t:FieldURI FieldURI="item:DateTimeReceived"/>'
            '<t:FieldURIOrConstant><t:FieldURI FieldURI="item:DateTimeSent"/>'
            "</t:FieldURIOrConstant></t:IsEqualTo>"),
            {"Alpha", "Beta", "Mail"},
        ),
    ],
)  # fmt: skip
def test_restrictions(
    sandbox: CheckedSandbox, expression: str, found: set[str]
) -> None:
    """Each kind of search expression finds what it says, whatever the case."""
    meeting(sandbox, BOB, subject="Alpha")
    sandbox.later(minutes=1)
    meeting(sandbox, BOB, subject="Beta")
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="Mail")
    bob = sandbox.exchange.mailbox(BOB)
    for item in bob.inbox():
        if item.subject == "Mail":
            bob.mark_read(item)
    inner = f"<m:Restriction>{expression}</m:Restriction>"
    answer = sandbox.ask(BOB, find_item(inner=inner))
    assert set(texts(answer, ".//t:Subject")) == found


def test_a_uid_cannot_be_searched_for(sandbox: CheckedSandbox) -> None:
    """As with Exchange, one has to use the global object id."""
    inner = f"<m:Restriction>{condition('IsEqualTo', 'calendar:UID', 'x')}"
    request = find_item("calendar", inner + "</m:Restriction>")
    assert sandbox.codes(ALICE, request) == ["ErrorUnsupportedPathForQuery"]


def test_the_organizers_copy_is_found_by_goid(sandbox: CheckedSandbox) -> None:
    """The clean global object id that an attendee sees finds the organizer's item."""
    organized = meeting(sandbox)
    meeting(sandbox)
    request = (
        f"<m:GetItem>{item_shape('IdOnly', more=GOID)}<m:ItemIds>"
        f'<t:ItemId Id="{sandbox.exchange.mailbox(EQUIPMENT).items("inbox")[0].id}"/>'
        "</m:ItemIds></m:GetItem>"
    )
    goid = text(sandbox.ask(SVC, request, acting_as=EQUIPMENT), ".//t:Value")
    inner = (
        f"<m:Restriction><t:IsEqualTo>{GOID}<t:FieldURIOrConstant><t:Constant "
        f'Value="{goid}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>'
    )
    found = sandbox.ask(SVC, find_item("calendar", inner), acting_as=ALICE)
    assert item_ids(found) == [organized.id]


def test_the_calendar_view_gives_what_overlaps(sandbox: CheckedSandbox) -> None:
    """By start; a range over two years is refused."""
    meeting(sandbox)
    view = '<m:CalendarView StartDate="{}" EndDate="{}"/>'
    inside = view.format("2026-12-01T09:30:00Z", "2026-12-01T09:31:00Z")
    outside = view.format("2026-12-01T10:00:00Z", "2026-12-02T00:00:00Z")
    assert len(sandbox.find(ALICE, "calendar", inside)) == 1
    assert sandbox.find(ALICE, "calendar", outside) == []
    wide = view.format("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z")
    assert sandbox.codes(ALICE, find_item("calendar", wide)) == [
        "ErrorCalendarViewRangeTooBig"
    ]


def test_finding_gives_names_without_addresses(sandbox: CheckedSandbox) -> None:
    """FindItem has no body and no addresses: GetItem is needed for those."""
    meeting(sandbox)
    answer = sandbox.ask(EQUIPMENT, find_item(shape="AllProperties"))
    assert texts(answer, ".//t:Organizer/t:Mailbox/t:Name") == ["Alice Archer"]
    assert answer.find(".//t:Organizer/t:Mailbox/t:EmailAddress", NS) is None
    assert answer.find(".//t:Body", NS) is None
