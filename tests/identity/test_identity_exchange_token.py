"""Every check of an Exchange identity token, failing in its turn."""

import json
import timeit
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import InvalidToken
from pexschedd.identity.exchange_token import (
    metadata_url,
    read_keys,
    read_token,
    verify,
)
from pexschedd.identity.verified_user import VerifiedUser
from tests.identity.identity_support import (
    AMURL,
    AUDIENCE,
    HOST,
    NOW,
    Signer,
    context,
    metadata,
    payload,
    signer,
    token,
)

KEYS = read_keys(metadata(signer()))
SECOND = timedelta(seconds=1)


def check(text: str, **changes: Any) -> VerifiedUser:
    asked: dict[str, Any] = {
        "audience": AUDIENCE,
        "domains": [HOST],
        "keys": KEYS,
        "now": NOW,
    }
    return verify(text, **asked | changes)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(header: object, claims: object) -> str:
    return f"{part(header)}.{part(claims)}.c2lnbmF0dXJl"


def seconds(offset: timedelta) -> int:
    return int((NOW + offset).timestamp())


def test_a_token_of_exchange_names_its_user() -> None:
    """The id of a good token's user is made of msexchuid and the metadata address."""
    assert check(token()).user_id == (
        f"53e925fa-76ba-45e1-be0f-4ef08b59d389@{HOST} "
        f"https://{HOST}/autodiscover/metadata/json/1"
    )


@pytest.mark.parametrize(
    "claims",
    [
        payload(appctx=context()),
        payload(
            nbf=str(seconds(-timedelta(hours=1))), exp=str(seconds(timedelta(hours=7)))
        ),
        payload(aud=AUDIENCE + "?et=PHQgYWlkPQ"),
        payload(
            aud=AUDIENCE.replace("https://vc", "HTTPS://VC").replace(
                ".test/", ".TEST:443/"
            )
        ),
        payload(appctx=context(amurl=AMURL.replace("mail", "MAIL"))),
        payload(appctx=context(amurl=AMURL.replace(":443", ""))),
    ],
    ids=["object", "strings", "query", "case and port", "host case", "no port"],
)
def test_other_forms_of_a_good_token(claims: dict[str, Any]) -> None:
    """What documentation shows and what clients do is accepted as the same token."""
    assert check(token(claims)).user_id == check(token()).user_id


REFUSED = {
    "empty": ("", "shape"),
    "two parts": (token().rpartition(".")[0], "shape"),
    "four parts": (token() + ".x", "shape"),
    "no signature": (token().rpartition(".")[0] + ".", "shape"),
    "padding": (token() + "==", "shape"),
    "newline": (token() + "\n", "shape"),
    "not ascii": ("é" + token()[1:], "shape"),
    "huge": ("a" * 9000, "longer than 8192"),
    "not JSON": ("aaaa.bbbb.cccc", "cannot be read"),
    "impossible base64": (f"a.{part({})}.cccc", "cannot be read"),
    "alg none": (unsigned({"alg": "none", "x5t": signer().x5t}, payload()), "RS256"),
    "alg missing": (unsigned({"x5t": signer().x5t}, payload()), "cannot be read"),
    "alg in small letters": (
        unsigned({"alg": "rs256", "x5t": signer().x5t}, payload()),
        "RS256",
    ),
    "HS256": (token(algorithm="HS256", key="x" * 32), "RS256"),
    "RS512": (token(algorithm="RS512"), "RS256"),
    "PS256": (token(algorithm="PS256"), "RS256"),
    "not a JWT": (token(typ="at+jwt"), "RS256"),
    "x5t missing": (unsigned({"alg": "RS256"}, payload()), "x5t"),
    "x5t not text": (unsigned({"alg": "RS256", "x5t": 1}, payload()), "x5t"),
    "no appctx": (unsigned({"alg": "RS256", "x5t": "a"}, {"aud": "a"}), "cannot be"),
    "appctx no JSON": (token(payload(appctx="{")), "cannot be read"),
    "version": (token(payload(appctx=context(version="ExIdTok.V2"))), "version 1"),
    "no user": (token(payload(appctx=context(msexchuid=""))), "no user"),
    "user with newline": (token(payload(appctx=context(msexchuid="a\nb"))), "no user"),
    "amurl http": (
        token(payload(appctx=context(amurl=AMURL.replace("https", "http")))),
        "not an https URL",
    ),
    "amurl elsewhere": (
        token(payload(appctx=context(amurl=AMURL.replace(HOST, "evil.test")))),
        "Exchange Metadata Domains",
    ),
    "amurl user": (
        token(payload(appctx=context(amurl=AMURL.replace(HOST, f"{HOST}@evil.test")))),
        "not an https URL",
    ),
    "amurl backslash": (
        token(payload(appctx=context(amurl=f"https://evil.test\\@{HOST}/x"))),
        "not an https URL",
    ),
    "amurl port": (
        token(payload(appctx=context(amurl=AMURL.replace("443", "444")))),
        "Exchange Metadata Domains",
    ),
    "amurl path": (
        token(payload(appctx=context(amurl=AMURL.replace("metadata", "other")))),
        "Exchange Metadata Domains",
    ),
    "amurl prefix": (
        token(payload(appctx=context(amurl=AMURL.replace(HOST, f"{HOST}.evil.test")))),
        "Exchange Metadata Domains",
    ),
    "other host": (token(payload(aud=AUDIENCE.replace("vc", "xc"))), "not meant for"),
    "other integration": (
        token(payload(aud=AUDIENCE.replace("/1/", "/2/"))),
        "not meant for",
    ),
    "http audience": (
        token(payload(aud=AUDIENCE.replace("https", "http"))),
        "not meant for",
    ),
    "time no number": (token(payload(nbf="soon")), "times"),
    "time out of range": (token(payload(exp=10**18)), "times"),
    "the last time there is": (token(payload(exp=253402300799), by=signer(1)), "list"),
    "the first time there is": (
        token(payload(nbf="-62135596800"), by=signer(1)),
        "does not list",
    ),
    "unknown key": (token(by=signer(1)), "does not list"),
    "other key's signature": (token(by=signer(1), x5t=signer().x5t), "signature"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_each_check_refuses(text: str, words: str) -> None:
    """A token that fails one check is refused, and the message says which."""
    with pytest.raises(InvalidToken, match=words):
        check(text)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_tampering(which: int) -> None:
    """Changing any part of a good token makes it invalid."""
    parts = token().split(".")
    middle = len(parts[which]) // 2
    other = "A" if parts[which][middle] != "A" else "B"
    parts[which] = parts[which][:middle] + other + parts[which][middle + 1 :]
    with pytest.raises(InvalidToken):
        check(".".join(parts))


def test_a_public_key_is_no_shared_secret() -> None:
    """HS256 with the published certificate as the secret is refused."""
    secret = signer().entry["keyvalue"]["value"]
    forged = jwt.encode(payload(), secret, "HS256", headers={"x5t": signer().x5t})
    with pytest.raises(InvalidToken, match="RS256"):
        check(forged)


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        (timedelta(minutes=5), timedelta(hours=8), None),
        (timedelta(minutes=5) + SECOND, timedelta(hours=8), "not valid until"),
        (-timedelta(hours=9), -timedelta(minutes=5), None),
        (-timedelta(hours=9), -timedelta(minutes=5) - SECOND, "not valid after"),
    ],
)
def test_times(begin: timedelta, end: timedelta, words: str | None) -> None:
    """Five minutes of skew on both sides, and no second more."""
    text = token(payload(nbf=seconds(begin), exp=seconds(end)))
    if words is None:
        check(text)
        return
    with pytest.raises(InvalidToken) as caught:
        check(text)
    moment = NOW + (begin if "until" in words else end)
    assert (
        caught.value.message == f"The token is {words} {moment:%Y-%m-%d %H:%M:%S} UTC"
    )


@pytest.mark.parametrize(
    ("amurl", "domains", "url"),
    [
        (AMURL, ["other.test", HOST], f"https://{HOST}/autodiscover/metadata/json/1"),
        (AMURL, [f"https://{HOST}/m/1"], f"https://{HOST}/m/1"),
        (AMURL, [HOST.upper()], f"https://{HOST.upper()}/autodiscover/metadata/json/1"),
        (
            AMURL.replace("443", "444"),
            [f"{HOST}:444"],
            f"https://{HOST}:444/autodiscover/metadata/json/1",
        ),
        (
            "http://127.0.0.1:8082/autodiscover/metadata/json/1",
            ["http://127.0.0.1:8082/autodiscover/metadata/json/1"],
            "http://127.0.0.1:8082/autodiscover/metadata/json/1",
        ),
        (AMURL, [f"http://{HOST}/autodiscover/metadata/json/1"], None),
        (AMURL, [], None),
        (AMURL, ["", "https://", "::", "https://[", "é.test"], None),
        ("https://[", [HOST], None),
        (f"https://{HOST}:0x50/", [HOST], None),
    ],
)
def test_which_metadata_document(
    amurl: str, domains: list[str], url: str | None
) -> None:
    """It is always a configured address that is fetched, chosen by scheme and host."""
    claims = read_token(token(payload(appctx=context(amurl=amurl))))
    if url is None:
        with pytest.raises(InvalidToken):
            metadata_url(claims, domains)
    else:
        assert metadata_url(claims, domains) == url


@pytest.mark.parametrize(
    ("amurl", "words"),
    [
        (f"https://{HOST}:443/other/path", "path"),
        (f"https://{HOST}:444/autodiscover/metadata/json/1", "port"),
        (f"https://{HOST}:444/x", "port and path"),
        (f"https://{HOST}/" + "x" * 4000, "path"),
    ],
)
def test_another_address_of_a_known_host(amurl: str, words: str) -> None:
    """The difference is said, and not that the host, which is configured, is none of
    the integration's."""
    claims = read_token(token(payload(appctx=context(amurl=amurl))))
    with pytest.raises(InvalidToken) as caught:
        metadata_url(claims, ["other.test", HOST])
    message = caught.value.message
    assert f"has another {words} than" in message
    assert f"https://{HOST}/autodiscover/metadata/json/1" in message
    assert "not one of" not in message
    assert len(message) < 600


def test_no_metadata_document_at_all() -> None:
    """An integration without domains says what it lacks, instead of blaming the host
    that the token names."""
    claims = read_token(token(payload(appctx=context(amurl=AMURL))))
    with pytest.raises(InvalidToken) as caught:
        metadata_url(claims, iter(()))
    assert "names no Exchange server yet" in caught.value.message
    assert "Exchange Metadata Domains and URLs" in caught.value.message
    assert HOST not in caught.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_garbage(text: str) -> None:
    """Whatever arrives is refused as an invalid token, never anything else."""
    with pytest.raises(InvalidToken):
        check(text)


@pytest.mark.parametrize("part", [0, 1])
def test_nesting_without_end(part: int) -> None:
    """What is nested as deeply as there is room for is refused as any other."""
    texts = ['{"typ":"JWT","alg":"RS256","x5t":"a"}', "{}", "{}"]
    texts[part] = '{"x":' * 1200
    parts = [urlsafe_b64encode(t.encode()).decode().rstrip("=") for t in texts]
    with pytest.raises(InvalidToken):
        check(".".join(parts))


@given(
    st.sampled_from(["alg", "typ", "x5t", "aud", "nbf", "exp", "appctx"]), json_values
)
def test_any_claim_may_be_anything(name: str, value: object) -> None:
    """An unsigned token is refused whatever value one of its claims has."""
    header: dict[str, object] = {"alg": "RS256", "typ": "JWT", "x5t": signer().x5t}
    claims = payload()
    (header if name in header else claims)[name] = value
    with pytest.raises(InvalidToken):
        check(unsigned(header, claims))


@given(st.sampled_from(["msexchuid", "version", "amurl"]), json_values, st.booleans())
def test_any_part_of_the_context_may_be_anything(
    name: str, value: object, as_text: bool
) -> None:
    """The same for what is inside appctx, in both of its forms."""
    inner: object = context(**{name: value})
    claims = payload(appctx=json.dumps(inner) if as_text else inner)
    with pytest.raises(InvalidToken):
        check(unsigned({"alg": "RS256", "x5t": signer().x5t}, claims))


def test_metadata_lists_several_keys() -> None:
    """During a roll-over both keys count; what is no RSA key is passed over."""
    document = json.loads(metadata(signer(), signer(1)))
    document["keys"].insert(0, {"keyvalue": {"value": "AAAA"}})
    document["keys"].append({**signer(2).entry, "usage": "encryption"})
    keys = read_keys(json.dumps(document).encode())
    assert set(keys) == {signer().x5t, signer(1).x5t}


def test_a_thumbprint_is_computed_not_believed() -> None:
    """A certificate is found by its own SHA-1 only, whatever the document calls it."""
    entry = signer(1).entry | {"keyinfo": {"x5t": signer().x5t}}
    keys = read_keys(json.dumps({"keys": [entry]}).encode())
    with pytest.raises(InvalidToken, match="does not list"):
        check(token(by=signer(1), x5t=signer().x5t), keys=keys)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff",
        b"{}",
        b'{"keys":[]}',
        b'{"keys":[1]}',
        b'{"x":' * 20_000,
        metadata(Signer(1024)),
    ],
)
def test_metadata_without_a_usable_key(document: bytes) -> None:
    """A document without a key to verify with is an error, not an empty list."""
    with pytest.raises(ValueError, match=r"it (is|holds) no"):
        read_keys(document)


def test_verifying_is_cheap() -> None:
    """With the keys at hand a token costs far less than the request around it."""
    text = token()
    best = min(timeit.repeat(lambda: check(text), number=20, repeat=20)) / 20
    assert best < 150e-6
