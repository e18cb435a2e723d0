"""The pane beside a meeting that waits for its room: what it does when it is opened."""

import base64
import json
from typing import Any

import pytest
from playwright.sync_api import Route

from pexschedd.bodies import tags
from pexschedd.model.fields.default_texts import PLACEHOLDER_INSTRUCTIONS
from pexschedd.model.meeting import Tags
from tests.browser.in_page import WAIT_MS
from tests.browser.pane_page import DOWN, GUEST, ROOM, TAG, TOKEN, Open, Pane

FAR = 4_000_000_000
WAITS = "Cannot assign a VMR right now"
LATE = "This meeting has waited too long"
REFUSAL = {"meeting_details": (403, {"message": "You may not have rooms."})}
DETAILS = {"instructions": f"<p>Join us:<br>{TAG}</p>", "alias_id": TAG}


def token(expires: int, user: str = "") -> str:
    claims: dict[str, Any] = {"exp": str(expires)}
    if user:
        claims["appctx"] = json.dumps({"msexchuid": user})
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{middle}.c2lnbmF0dXJl"


def waiting(value: str) -> str:
    return f"{PLACEHOLDER_INSTRUCTIONS}\n<p>{tags.make_tok(value)}</p><p>Agenda</p>"


def untouched(pane: Pane, body: str) -> bool:
    return pane.outlook("body") == body and pane.calls("body.setAsync") == 0


@pytest.mark.parametrize("expires", [1, FAR])
def test_it_is_upgraded_on_opening(open_pane: Open, expires: int) -> None:
    """With the server back, the room takes the place of placeholder and token, once and
    unasked, and the pane says so."""
    pane = open_pane(body=waiting(token(expires)), required=[dict(GUEST), ROOM])
    pane.reach("Success")
    pane.told("has taken the place of the placeholder")
    body = pane.outlook("body")
    assert tags.find(body) == Tags(pxps=(TAG[6:-1],))
    assert "will be hosted" not in body
    assert body.endswith("<p>Agenda</p>")
    assert pane.outlook("required") == [GUEST, ROOM]
    assert pane.calls("body.setAsync") == 1
    assert pane.calls("getUserIdentityTokenAsync") == 1


@pytest.mark.parametrize("expires", [1, FAR])
def test_a_token_is_renewed_on_opening(open_pane: Open, expires: int) -> None:
    """With the server away an old token gives way to a new one; a good one stays."""
    old = waiting(token(expires))
    pane = open_pane(body=old, required=[ROOM], token=DOWN)
    pane.reach(WAITS)
    pane.told("signing keys cannot be read")
    if expires == FAR:
        assert untouched(pane, old)
        return
    pane.told("has been renewed")
    assert tags.find(pane.outlook("body")).tok == (DOWN,)
    assert pane.outlook("body").count("will be hosted") == 1


@pytest.mark.parametrize(
    ("meeting", "answers", "heading"),
    [
        ({"body": waiting(token(FAR))}, REFUSAL, WAITS),
        ({"body": waiting(token(1))}, REFUSAL, LATE),
        ({"body": waiting(token(FAR, "boss")), "token": token(FAR, "me")}, {}, WAITS),
        (
            {
                "body": waiting(token(FAR)),
                "fail": {"getUserIdentityTokenAsync": {"code": 9018, "message": "no"}},
            },
            {},
            WAITS,
        ),
        ({"body": waiting(token(FAR)), "set": "1.8", "series": "AAMk"}, {}, WAITS),
    ],
    ids=["refused", "refused, expired", "another user", "no token", "of a series"],
)
def test_it_is_left_alone(
    open_pane: Open, meeting: dict[str, Any], answers: dict[str, Any], heading: str
) -> None:
    """A refusal, another user's token and one meeting of a series change nothing, and
    are no error: nobody has pressed anything."""
    pane = open_pane(answers=answers, required=[ROOM], **meeting)
    pane.reach(heading)
    assert untouched(pane, meeting["body"])


@pytest.mark.parametrize("typed", ["words", "another pane's room"])
def test_the_text_changes_meanwhile(open_pane: Open, typed: str) -> None:
    """Words typed, or written by a second pane, while the server answers are kept."""
    held: list[Route] = []
    body = waiting(token(FAR))
    after = f"<p>Hi</p>{body}" if typed == "words" else f"<p>Join us:<br>{TAG}</p>"
    pane = open_pane(
        answers={
            "meeting_details": DETAILS,
            "meeting_tags": {"tags": {TAG: {"state": "free", "certain": True}}},
        },
        body=body,
        required=[ROOM],
    )
    pane.reach("Success")  # no request of this page is under way any more
    pane.page.route("**/meeting_details", lambda route: held.append(route))
    pane.page.reload()
    for _ in range(WAIT_MS // 10):
        if held:
            break
        pane.page.wait_for_timeout(10)
    pane.page.evaluate("body => { outlook.body = body; }", after)
    held[0].fulfill(json={"status": "success", "result": DETAILS})
    pane.reach(WAITS if typed == "words" else "VMR already assigned")
    assert untouched(pane, after)
    if typed == "words":
        pane.press("upgrade")
        pane.reach("Success")
        assert pane.outlook("body").startswith("<p>Hi</p>")


def test_it_tries_once(open_pane: Open) -> None:
    """Looking again after a failure tries nothing by itself; a press does."""
    body = waiting(token(FAR))
    pane = open_pane(
        answers={"meeting_details": [(503, {"message": "Away."}), DETAILS]},
        body=body,
        required=[ROOM],
    )
    pane.reach(WAITS)
    pane.told("Away.")
    assert len(pane.asked) == 1
    assert untouched(pane, body)
    pane.press("upgrade")
    pane.reach("Success")
    assert pane.calls("body.setAsync") == 1


def test_a_second_pane(open_pane: Open) -> None:
    """A pane that finds its placeholder gone, with a room in its place, says so."""
    pane = open_pane(
        answers={
            "meeting_tags": {"tags": {TAG: {"state": "free", "certain": True}}},
            "meeting_details": [(503, {"message": "Away."}), DETAILS],
        },
        body=waiting(TOKEN),
        required=[ROOM],
    )
    pane.reach(WAITS)
    pane.page.evaluate(
        """tag => {
          const item = Office.context.mailbox.item, type = item.body.getTypeAsync;
          item.body.getTypeAsync = function (done) {
            outlook.body = '<p>Join us:<br>' + tag + '</p>';
            type.call(item.body, done);
          };
        }""",
        TAG,
    )
    pane.press("upgrade")
    pane.reach("VMR already assigned")
    assert pane.calls("body.setAsync") == 0
