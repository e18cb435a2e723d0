"""Aliases in links are encoded by the place in which they stand, and nowhere else."""

import pytest

from pexschedd.templates.link_values import with_encoded_links

PLUS = "+47123456@example.com"
NUMBER = "+47123456"
ODD = "a&b #1%é@example.com"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the web app decodes its query as a form
        ("https://vc.test/webapp/#/?conference={}", "%2B47123456@example.com"),
        ("https://vc.test/webapp/?conference={}&join=1", "%2B47123456@example.com"),
        ("HTTPS://vc.test/?a=b&amp;conference={}", "%2B47123456@example.com"),
        ("http://127.0.0.1:8080/?c={}", "%2B47123456@example.com"),
        # a plus is a character of a path
        ("https://vc.test/webapp/conference/{}", PLUS),
        ("https://vc.test/webapp/conference/{}?role=guest", PLUS),
        # what a plus means in these is another thing than what %2B means
        ("sip:{}", PLUS),
        ("sips:{};transport=tls", PLUS),
        ("tel:{}", PLUS),
        ("pexip://{}", PLUS),
        # text
        ("{}", PLUS),
        ("Alias={}", PLUS),
        ("Is it https://vc.test/? Alias={}", PLUS),
        ("https://{}/?x=1", PLUS),
        ("mailto:x@vc.test?body={}", PLUS),
    ],
)
def test_a_plus(text: str, expected: str) -> None:
    """It is encoded in the query of an http link only; in text and in HTML."""
    assert with_encoded_links(text.format(PLUS), [PLUS], html=False) == text.format(
        expected
    )
    page = f'<p>Join:<a href="{text}">{text}</a><br>{{}}'
    assert with_encoded_links(
        page.format(PLUS, PLUS, PLUS), [PLUS], html=True
    ) == page.format(expected, expected, PLUS)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("https://vc.test/?c={}", "a%26b%20%231%25%C3%A9@example.com"),
        ("https://vc.test/c/{}", "a%26b%20%231%25%C3%A9@example.com"),
        ("sip:{}", "a&amp;b%20%231%25%C3%A9@example.com"),
        ("tel:{}", "a&amp;b #1%é@example.com"),
        ("Dial {}", "a&amp;b #1%é@example.com"),
    ],
)
def test_what_would_end_the_link(text: str, encoded: str) -> None:
    """Other characters are encoded where they cannot stand, and stay HTML's own."""
    page = f'<a href="{text}">'
    given = page.format(ODD.replace("&", "&amp;"))
    assert with_encoded_links(given, [ODD], html=True) == page.format(encoded)


def test_aliases_that_begin_alike() -> None:
    """The number that begins an alias is encoded in it, and by itself, once."""
    text = f"https://vc.test/?c={PLUS} https://vc.test/?c={NUMBER}"
    found = with_encoded_links(text, [NUMBER, PLUS, ""], html=False)
    assert found == text.replace("+", "%2B")
    assert with_encoded_links(found, [NUMBER, PLUS], html=False) == found


def test_an_alias_that_stands_alone() -> None:
    """Texts without links and aliases without odd characters stay what they are."""
    text = "https://vc.test/?c=meet.1~2!@example.com = meet.1"
    assert with_encoded_links(text, ["meet.1~2!@example.com"], html=False) == text
    assert with_encoded_links("", [PLUS], html=False) == ""


@pytest.mark.parametrize("piece", ["https://", "=+4", "https://x/?a=+4", "/+4#"])
def test_long_texts(piece: str) -> None:
    """It takes no longer than the text is long, whatever is in it."""
    text = piece * 20_000
    found = with_encoded_links(text, ["+4", "+4#"], html=True)
    assert len(found) >= len(text)
