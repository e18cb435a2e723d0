"""Links that mail filters have rewritten."""

import base64
import re
import time
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.onetouch.links.unwrap import MOST_LAYERS, unwrap
from pexschedd.onetouch.links.web_link import LONGEST, parse_link
from tests.thorough import examples

RUNS = ascii_uppercase + ascii_lowercase + digits + "-_"
PLAIN = "https://us02web.zoom.us/j/84600000001?pwd=a%2Bb&x=1#success"


def safe_links(url: str) -> str:
    return (
        "https://nam12.safelinks.protection.outlook.com/?url="
        f"{quote(url, safe='')}&data=05%7C02&sdata=AA%3D&reserved=0"
    )


def url_defense_1(url: str) -> str:
    return f"https://urldefense.proofpoint.com/v1/url?u={quote(url, safe='')}&k=k&r=r"


def url_defense_2(url: str) -> str:
    changed = quote(url, safe="/").replace("-", "%2D").replace("_", "%5F")
    return (
        "https://urldefense.proofpoint.com/v2/url?u="
        f"{changed.replace('%', '-').replace('/', '_')}&d=DwMFaQ&c=c&r=r"
    )


def url_defense_3(url: str) -> str:
    taken: list[str] = []

    def take(run: re.Match[str]) -> str:
        taken.append(run[0])
        return "*" if len(run[0]) == 1 else f"**{RUNS[len(run[0]) - 2]}"

    written = re.sub(r"[%#+*!_]+", take, url)
    packed = base64.urlsafe_b64encode("".join(taken).encode()).decode().rstrip("=")
    return f"https://urldefense.com/v3/__{written}__;{packed}!!key!sig_nature-$"


def barracuda(url: str) -> str:
    return f"https://linkprotect.cudasvc.com/url?a={quote(url, safe='')}&c=E,1&typo=1"


def cisco(url: str) -> str:
    return f"https://secure-web.cisco.com/1Token-x_y/{quote(url, safe='')}"


def google(url: str) -> str:
    return f"https://www.google.co.uk/url?q={quote(url, safe='')}&sa=D&usg=x"


def trend_micro(url: str) -> str:
    changed = quote(url, safe="").replace("-", "%2d")
    return (
        "https://acme-ctp.trendmicro.com/wis/clicktime/v1/query?"
        f"url={changed}&umid=1&auth=2"
    )


def fire_eye(url: str) -> str:
    return f"https://protect2.fireeye.com/v1/url?k=1&q=1&e=2&u={quote(url, safe='')}"


def symantec(url: str) -> str:
    return f"https://clicktime.symantec.com/3Abc?u={quote(url, safe='')}"


def sophos(url: str) -> str:
    packed = base64.urlsafe_b64encode(url.encode()).decode()
    return f"https://eu.protection.sophos.com/?d=zoom.us&u={quote(packed)}&i=1"


def avanan(url: str) -> str:
    return f"https://url.avanan.click/v2/___{url}___.YXAzOm"


WRAPPERS = (
    safe_links, url_defense_1, url_defense_2, url_defense_3, barracuda, cisco, google,
    trend_micro, fire_eye, symantec, sophos, avanan,
)  # fmt: skip

urls = st.builds(
    "https://{}/{}?{}#{}".format,
    st.sampled_from(["us02web.zoom.us", "acme.webex.com", "vc.example.com"]),
    *[st.text("abcXYZ019-._~%2F:@+*!'", max_size=30)] * 3,
)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_each_product_is_undone(wrap: object) -> None:
    """What a product rewrites comes back letter by letter, percent codes included."""
    assert callable(wrap)
    found = unwrap(wrap(PLAIN))
    assert (found.url, found.opaque) == (PLAIN, "")
    assert len(found.rewritten_by) == 1


@settings(max_examples=examples(400))
@given(urls, st.lists(st.sampled_from(WRAPPERS[:-1]), max_size=3))
def test_wrapping_and_unwrapping_is_nothing(url: str, products: list[object]) -> None:
    """Any link comes back from any products around each other."""
    wrapped = url
    for wrap in products:
        assert callable(wrap)
        wrapped = wrap(wrapped)
    assert unwrap(wrapped).url == url


@settings(max_examples=examples(400))
@given(
    st.text(max_size=200)
    | st.builds(
        "https://{}/{}".format,
        st.sampled_from([
            "nam12.safelinks.protection.outlook.com", "urldefense.com/v3/__https:",
            "urldefense.proofpoint.com/v2", "secure-web.cisco.com/a",
            "linkprotect.cudasvc.com", "eu.protection.sophos.com",
            "clicktime.symantec.com", "url.avanan.click",
        ]),
        st.text("?&=u=url=a__;*!$%-_/:httpsA9 \u00e9\u2028", max_size=120),
    )
)  # fmt: skip
def test_unwrapping_never_fails_and_is_finished_at_once(url: str) -> None:
    """Whatever a link is, it is unwrapped without an error, and wholly."""
    once = unwrap(url)
    assert unwrap(once.url).url == once.url
    assert len(once.rewritten_by) <= MOST_LAYERS


def test_layers_are_bounded() -> None:
    """A link that is rewritten too often stays as it is, and says so."""
    wrapped = PLAIN
    for _ in range(MOST_LAYERS):
        wrapped = google(wrapped)
    assert unwrap(wrapped).url == PLAIN
    found = unwrap(google(wrapped))
    assert found.url == google(wrapped)
    assert "more than 5 times" in found.opaque


def test_opaque_links_say_whose_they_are() -> None:
    """A target that only a server knows is not guessed."""
    link = "https://protect-eu.mimecast.com/s/AbCd?domain=zoom.us"
    found = unwrap(google(link))
    assert found.url == link
    assert found.opaque.startswith("Mimecast")


def test_run_of_characters_in_version_3() -> None:
    """`**` and a letter stand for as many characters as the letter says."""
    wrapped = (
        "https://urldefense.com/v3/__https:/zoom.us/j/1?a=**Bx*__;wqHCosKjJQ!!k!s$"
    )
    assert unwrap(wrapped).url == "https://zoom.us/j/1?a=¡¢£x%"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://zoom.us/j/1", "zoom.us"),
        ("HTTPS://Zoom.US.:443/j/1", "zoom.us"),
        ("https://zoom.us@evil.example/", ""),
        ("https://a:b@zoom.us/", ""),
        ("https://evil.example\\.zoom.us/", ""),
        ("https://zo%6fm.us/", ""),
        ("https://z\u043eom.us/", ""),
        ("https://zoom.us:80x/", ""),
        ("https://zoom..us/", ""),
        ("https:///j/1", ""),
        ("https://ZOOM.U\u017f/", ""),
    ],
)
def test_host_is_what_a_browser_understands(url: str, host: str) -> None:
    """A host that could be read in two ways is none."""
    link = parse_link(url)
    assert link is not None
    assert link.host == host


def test_time_is_in_proportion() -> None:
    """The longest link takes milliseconds, whatever is in it."""
    for filling in ("*", "%", "__;", "a=", "&amp;", "***", "https://", "-_"):
        for wrap in WRAPPERS:
            assert callable(wrap)
            url = wrap("https://x/")[: LONGEST // 2].ljust(LONGEST - 20, filling[0])
            begin = time.process_time()
            unwrap(url)
            assert time.process_time() - begin < 0.1
