"""Links that mail filters have rewritten."""

import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.templates.safelinks import decode_safelinks, decode_urldefense

MEETING = "https://meet.example.test/webapp/#/?conference=meet.alice@example.test&x=1"
SAFE = (
    "https://eur01.safelinks.protection.outlook.com/?url="
    + quote(MEETING, safe="")
    + "&data=05%7C01%7C&sdata=abc%3D&reserved=0"
)

V1 = "https://urldefense.proofpoint.com/v1/url?"
V2 = "https://urldefense.proofpoint.com/v2/url?"


@pytest.mark.parametrize(
    ("rewritten", "original"),
    [
        (SAFE, MEETING),
        (SAFE.replace("&", "&amp;"), MEETING),
        (SAFE.replace("/?url", "/ap/w-59584e83/?url"), MEETING),
        (SAFE.replace("outlook.com", "office365.us"), MEETING),
        (SAFE.upper().replace("?URL=", "?url="), MEETING.upper()),
        (f"Join <{SAFE}> now", f"Join <{MEETING}> now"),
        (f'<a href="{SAFE}">x</a> {SAFE}', f'<a href="{MEETING}">x</a> {MEETING}'),
        (
            "https://eur02.safelinks.protection.outlook.com/?url="
            + quote(SAFE, safe=""),
            MEETING,
        ),
        (
            "https://statics.teams.cdn.office.net/x.html?url=https%3A%2F%2Fx.test%2F&l=en",
            "https://x.test/",
        ),
        ("https://eur01.safelinks.protection.outlook.com/?data=1", None),
        ("https://safelinks.example.test/?url=https%3A%2F%2Fx.test", None),
        ("no link", None),
    ],
)
def test_safe_links(rewritten: str, original: str | None) -> None:
    """Microsoft's links give the original, anywhere in a text; others stay."""
    assert decode_safelinks(rewritten) == (original or rewritten)


@pytest.mark.parametrize(
    ("rewritten", "original"),
    [
        (
            V1 + "u=http://www.example.test/a%3Fb%3D1&amp;k=oIvRg1%2BdGA%3D%0A",
            "http://www.example.test/a?b=1",
        ),
        (
            V2 + "u=https-3A__x.test_a-5Fb-2Dc-3Fd-3D1-26e-3D2&d=DwMFaQ&c=x&e=",
            "https://x.test/a_b-c?d=1&e=2",
        ),
        (
            "https://urldefense.com/v3/__https://x.test/search?q=a*test__;Kw!!abc!def$",
            "https://x.test/search?q=a+test",
        ),
        (
            "https://urldefense.com/v3/__https:/x.test/**A/y__;w6nDqA!!abc!def$ [x]",
            "https://x.test/éè/y [x]",
        ),
        (
            "see (https://urldefense.us/v3/__https://x.test/*/y__;Iw!!abc!def$), ok",
            "see (https://x.test/#/y), ok",
        ),
        ("https://urldefense.com/v3/__https://x.test", None),
        ("https://urldefense.com/v3/__https://x.test__;_!!$", None),
        (V2 + "d=1", None),
        (V1 + "u=x%26%23" + "1" * 5000, None),
        ("no link", None),
    ],
)
def test_url_defense(rewritten: str, original: str | None) -> None:
    """Proofpoint's three versions give the original; what is damaged stays."""
    assert decode_urldefense(rewritten) == (original or rewritten)


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "https://urldefense.com/v3/__",
                    "__;",
                    "!!",
                    "$",
                    "*",
                    "**A",
                    "&#9",
                    " ",
                ),
                *("https://urldefense.proofpoint.com/v2/url?u=", "&", "-", "%"),
                *(
                    "https://a.safelinks.protection.outlook.com/?",
                    "url=",
                    SAFE,
                    "http:/x",
                ),
            ]
        )
        | st.text(max_size=5),
        max_size=30,
    ).map("".join)
)
def test_nothing_is_too_strange(text: str) -> None:
    """Decoding never raises and never makes a text longer."""
    assert len(decode_safelinks(text)) <= len(text)
    assert len(decode_urldefense(text)) <= len(text)


@pytest.mark.parametrize(
    "piece",
    [
        "https://urldefense.com/v3/__",
        "https://urldefense.com/v3/__x__;",
        "https://urldefense.com/v3/__x__;A!!",
        V2 + "u=a&",
        "https://a.safelinks.protection.outlook.com/?url=",
        "https://",
    ],
)
def test_decoding_takes_linear_time(piece: str) -> None:
    """A long text of beginnings of links is gone through in well under a second."""
    text = piece * (200_000 // len(piece))
    started = time.thread_time()
    decode_safelinks(text)
    decode_urldefense(text)
    assert time.thread_time() - started < 0.8
