"""Secrets that are known by their look alone, and texts that only resemble them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pexschedd.observation import scrubber
from pexschedd.observation.scrubber import Scrubber

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_"
OWN = "pexschedd_" + "Ab3" * 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"token {JWT}.", "token [removed]"),
        (f"Authorization: Bearer {OWN}", "Authorization: Bearer [removed]"),
        ("Authorization: Basic YWRtaW46aHVudGVyMg==", "Authorization: Basic [removed]"),
        (f"has {OWN} in it", "has [removed] in it"),
        ("http://svc:hunter2@proxy.example:3128/", "http://[removed]@proxy.example:3128/"),
        ("password=hunter2 next", "password=[removed] next"),
        ("client_secret=abc&grant=x", "client_secret=[removed]&grant=x"),
        ('{"a_secret": "a\\"b", "x": 1}', '{"a_secret": "[removed]", "x": 1}'),
        ('{"password": "(set)"}', '{"password": "(set)"}'),
        ('{"state": "writable"}', '{"state": "writable"}'),
        ("/callback?code=abc&state=def", "/callback?code=[removed]&state=[removed]"),
        ('store_state{state="writable"} 1', 'store_state{state="writable"} 1'),
        ("-----BEGIN EC PRIVATE KEY-----\nMI\n-----END EC PRIVATE KEY-----\nx",
         "[removed]\nx"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "[removed]"),
        ("-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII"),
        ("Alice@Example.com wrote to bob@example.com, alice@example.com",
         "address-1@Example.com wrote to address-2@example.com, address-1@example.com"),
        ("a?user=alice%40example.com", "a?user=address-1%40example.com"),
        ("System.Web@2 and @decorated", "System.Web@2 and @decorated"),
        ("basic settings, bearer of news", "basic settings, bearer of news"),
    ],
)  # fmt: skip
def test_what_looks_secret(text: str, expected: str) -> None:
    """Known forms of credentials and addresses, and what only resembles them."""
    assert Scrubber(()).scrub(text) == expected


HIDDEN = "hunter2,XyZ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'{"m":"sent {\"password\": \"@\"}"}', r'{"m":"sent {\"password\": \"#\"}"}'),
        (r'{"m":"{\"b\": \"{\\\"pwd\\\": \\\"@\\\\\\\"q\\\"}\"}"}',
         r'{"m":"{\"b\": \"{\\\"pwd\\\": \\\"#\\\"}\"}"}'),
        (r'{"m":"{\"password\": \"@ (9 more)","x":1}',
         r'{"m":"{\"password\": \"#","x":1}'),
        ("{'password': '@', 'a': 1}", "{'password': '#', 'a': 1}"),
        ('"passcode" : "@', '"passcode" : "#'),
        ('"secretKey": "(set) @"', '"secretKey": "#"'),
        ('{"token": 12345, "x": 1}', '{"token": "#", "x": 1}'),
        (r'{\"pass\": 12345}', r'{\"pass\": \"#\"}'),
        ('{"secret": null}', '{"secret": null}'),
        ("password: hunter2 x", "password: # x"),
        ("password = hunter2 x", "password = # x"),
        ("pwd=(hunter2)", "pwd=#"),
        ("passwd={hunter2", "passwd=#"),
        ("<t:Password>@</t:Password>", "<t:Password>#</t:Password>"),
        ('<Password Type="a">@</Password>', '<Password Type="a">#</Password>'),
        ("&lt;Password&gt;@&lt;/Password&gt;", "&lt;Password&gt;#&lt;/Password&gt;"),
        ("a=<the token>\n\nTo <id>/", "a=<the token>\n\nTo <id>/"),
        ("Cookie: a=@; b=c User=", "Cookie: # User="),
        ("Set-Cookie: a=@; Path=/", "Set-Cookie: #"),
        ("X-Api-Key: hunter2", "X-Api-Key: #"),
        ("x-honeycomb-team: hunter2", "x-honeycomb-team: #"),
        ('Authorization: Digest username="a", response="@" User="b"',
         'Authorization: Digest # User="b"'),
        ('said Digest username="a", response="@"', "said Digest #"),
        ("Authorization: Scheme hunter2", "Authorization: #"),
        ("Authorization: Bearer ...", "Authorization: Bearer ..."),
        ('"Authorization": "Api-Token hunter2"', '"Authorization": "Api-Token #"'),
        ('"token": "", "a": 1', '"token": "", "a": 1'),
        (r'{\"token\": \"\", \"a\": 1}', r'{\"token\": \"\", \"a\": 1}'),
        ('"private_key": "@"', '"private_key": "#"'),
        ("ssl:443:privateKey=/k:certKey=/c", "ssl:443:privateKey=/k:certKey=/c"),
        ('"clientState": "@"', '"clientState": "#"'),
        ("reason=bad secret: AADSTS7000222", "reason=bad secret: AADSTS7000222"),
        ("bypass: none of it", "bypass: none of it"),
        ("compass=north bypass=south", "compass=north bypass=south"),
        ("Basic authentication", "Basic authentication"),
        ("POST /feedback/7/abcdef", "POST /feedback/7/#"),
        ("/a/1/change_notifications/abcdef?x", "/a/1/change_notifications/#?x"),
        ("/feedback/7/...", "/feedback/7/..."),
        ("http://c.example/v1?api-key=hunter2&a=b", "http://c.example/v1?api-key=#&a=b"),
        ("http://px:p@@host", "http://#@host"),
        ("http://px:pa/@@host:80/", "http://#@host:80/"),
        ("http://h:80/users/x@localhost", "http://h:80/users/address-1@localhost"),
        ('"john doe"@corp.example, x', "address-1@corp.example, x"),
        (r'\"john doe\"@corp.example', "address-1@corp.example"),
        ("alice=40corp.example alice@corp.example",
         "address-1=40corp.example address-1@corp.example"),
        ("\u0130 password=hunter2", "\u0130 password=#"),
    ],
)  # fmt: skip
def test_more_that_looks_secret(text: str, expected: str) -> None:
    """Each form in which something of ours, of Exchange or a library writes a secret;
    `@` stands for one, and what was around it stays."""
    if "#" in expected:
        text = text.replace("@", HIDDEN, 1) if "@@" not in text else (
            text.replace("@@", f"@{HIDDEN}@", 1)
        )  # fmt: skip
    assert Scrubber(()).scrub(text) == expected.replace("#", "[removed]")


def test_what_helps_stays() -> None:
    """Ids, codes, times and the keys of our own log."""
    line = (
        '{"time":"2026-11-30T21:21:51.000+00:00","level":"warn","log":"support",'
        '"User":"schedulingservice","system":"pexschedd.ews","message":"server refused '
        "FindItem code=ErrorAccessDenied status=401 mailbox=3 token_kind=app "
        "error=invalid_token reason=AADSTS7000215 password_file=/etc/p url="
        'https://mail.example/EWS/Exchange.asmx seconds=1.2","correlation_id":'
        '"6f9619ff-8b86-d011-b42d-00cf4fc964ff","integration":1}\n'
        '2026-11-30 WWW-Authenticate: Bearer error="invalid_token", Basic realm="x"\n'
        "ErrorInvalidToken, InvalidAuthenticationToken: [removed]\n"
        "GET /api/admin/configuration/v1/mjx_exchange_deployment/ 200 "
        "6f9619ff8b86d011b42d00cf4fc964ff\n"
    )
    assert Scrubber(["hunter2", "4711"], ["rudi"]).scrub(line) == line


def test_keys_of_our_log_stay() -> None:
    """No key of an event in the source is taken for the name of a secret, but for one
    whose value is true or false."""
    package = Path(scrubber.__file__).parents[1]
    keys = {
        key
        for module in package.rglob("*.py")
        if "sandbox" not in module.parts
        for key in re.findall(r'[" ](\w+)=\{\w+\}', module.read_text("utf-8"))
    }
    assert len(keys) > 50
    line = " ".join(f"{key}=value" for key in sorted(keys - {"with_secrets"}))
    assert Scrubber(()).scrub(line) == line


NAMED = {
    "list": '{"password":["@"]}',
    "list-of-several": '{"passwords":["@", "@"],"x":1}',
    "member-named-value": '{"password":{"value":"@"}}',
    "name-and-value": '{"name": "password", "value": "@"}',
    "attribute": '<user password="@" x="y"/>',
    "attribute-named-value": '<add key="password" value="@"/>',
    "named-element": '<setting name="password">@</setting>',
    "element-in-element": "<s name='password'><value>@</value></s>",
    "cdata": "<password><![CDATA[@]]></password>",
    "element-over-lines": "<password>\n  @\n</password>",
    "escaped-element": "&lt;Password&gt;@&lt;/Password&gt;",
    "tuple": "('Cookie', 'sid=@')",
    "tuple-of-bytes": "[(b'Cookie', b'sid=@'), (b'a', b'b')]",
    "list-of-headers": "{b'Cookie': [b'sid=@']}",
    "cookie-without-name": "Cookie: @",
    "percent-encoded": "%22password%22%3A%22@%22",
    "percent-encoded-twice": "token%253D@",
    "in-html": "&quot;password&quot;:&quot;@&quot;",
    "in-html-twice": "&amp;quot;password&amp;quot;:&amp;quot;@&amp;quot;",
    "unicode-escapes": r"\u0022password\u0022:\u0022@\u0022",
    "numbered": "password1=@",
    "name-goes-on": "password_value=@",
    "camel-case": "clientSecretValue: @",
    "prefixed": "MY_DB_PASS=@",
    "session": "session_id=@",
    "java-session": "JSESSIONID=@",
    "account-key": "AccountKey=@",
    "signing-key": "signing_key=@",
    "subscription-key": "Ocp-Apim-Subscription-Key: @",
    "credentials": "credentials: @",
    "pw": "pw=@",
    "in-a-sentence": "password '@' is wrong",
    "in-another-sentence": 'the secret is "@", really',
    "name-behind-a-name": "bad credentials: clientSecretValue: Cookie: @",
    "code-in-a-body": "code=@&grant_type=authorization_code",
    "saml": "SAMLResponse=@",
    "amazon": "?X-Amz-Signature=@",
    "option": "--password @",
    "option-in-a-list": "['--password', '@']",
    "option-with-equals": "--client-secret=@",
    "subscript": "config['password'] = '@'",
    "arrow": "password => @",
    "equals-twice": "password == @",
    "walrus": "password := @",
    "newline": "password:\n@",
    "no-break-space": "password:\u00a0@",
    "tail-ampersand": "password=a&@",
    "tail-comma": "password=a,@",
    "tail-semicolon": "password=a;@",
    "tail-brace": "password=a}@",
    "tail-bracket": "password=a]@",
    "tail-quote": 'password=a"@',
    "tail-less": "password=a<@",
    "tail-backslash": r"password=a\@",
    "spaces-in-quotes": 'password="a @ b"',
    "spaces-in-apostrophes": "password='a @ b'",
    "escaped-quote": r'{"m":"{\"password\":\"a\\\"@\"}"}',
    "begins-like-error": "password=error@",
    "begins-like-code": "password=AADSTS1@",
    "begins-like-ellipsis": "password=...@",
    "begins-like-not-set": "password=(not set)@",
    "begins-like-null": "password=null@",
}
"""Forms in which others write what they name as a secret; `@` stands for it."""


@pytest.mark.parametrize("form", NAMED.values(), ids=NAMED)
def test_named_secrets(form: str) -> None:
    """A value behind the name of a secret is gone; the text around it stays."""
    scrubbed = Scrubber(()).scrub(f"before {form.replace('@', HIDDEN)} integration=1")
    assert "unter2" not in scrubbed
    assert "XyZ" not in scrubbed
    assert scrubbed.startswith("before ")
    assert scrubbed.endswith(" integration=1")


@pytest.mark.parametrize(
    "text",
    [
        "token_type=Bearer expires_in=3600 scope=x",
        '{"token_type":"Bearer","expires_in":3600}',
        "tokens=12.5 tokens: 3",
        "password_file=/etc/p token_endpoint=https://h/token secretExpires=2027",
        '"fields": [\n  "password",\n  "kerberos_realm"\n]',
        '"secret.key": 65',
        '{"message":"no password:","integration":1}',
        '{"message":"unknown token: ", "x": 1}',
        "code=ErrorServerBusy state=3 key=4",
        "the password is wrong, its secret has expired, pinned pins, option=otpauth",
        '{"message":"the password ","x":"y"}',
        "2026-11-30T21:21:51+00:00 10.0.0.1:443 aa-bb 12:34:56",
        "<tokens/><b>5</b> <TokenType>urn:x</TokenType>",
        "signature (RFC 7515), cookies, passed=3, passive: true",
    ],
)
def test_what_only_resembles_a_secret(text: str) -> None:
    """Numbers of tokens, what is said of them, lists of names, and sentences stay."""
    assert Scrubber(()).scrub(text) == text


PIECES = (
    *("password", "token", "Cookie", "authorization", "--secret", "=", ":", " ", '"'),
    *(
        "'",
        ",",
        "abc",
        "{",
        "}",
        "[",
        "]",
        "\\",
        "\n",
        "%22",
        "&quot;",
        "<",
        ">",
        "</a>",
    ),
    "-----BEGIN PRIVATE KEY-----",
)


@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=9).map("".join))
@example("Authorization: Basic YWRtaW46aHVudGVyMg==")
@example("--secret")
@example("token='")
@example("<authorization >")
@example('--secret",')
def test_a_line_of_the_log_stays_one(message: str) -> None:
    """Whatever a peer has written into a message, what is behind it stays."""
    line = {"message": message, "integration": 1, "token_kind": "app"}
    for text in (json.dumps(line), json.dumps(line, separators=(",", ":"))):
        scrubbed = json.loads(Scrubber(()).scrub(text))
        assert scrubbed == line | {"message": scrubbed["message"]}
