"""ETag, If-Match and If-None-Match: nobody overwrites what another has changed."""

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.web.admin.conditions import parse_tags, quoted
from pexschedd.web.routes import BadRequest
from tests.web_admin.web_admin_support import (
    ALIAS,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Answer,
    Server,
)


def tag_of(answer: Answer) -> str:
    (tag,) = answer.headers.getRawHeaders("etag")
    return str(tag)


async def change(
    server: Server, method: str, path: str, tag: str, payload: object
) -> Answer:
    headers = {"if-match": tag}
    return await server.client.ask(method, path, payload, headers=headers)


@pytest_twisted.ensureDeferred
async def test_the_tag_follows_the_record(server: Server) -> None:
    """Creating, reading and changing a record tell its tag; each change gives another
    one, and reading does not."""
    client = server.client
    made = await client.ask("POST", CONFERENCE, {"name": "One"})
    read = await client.ask("GET", made.location)
    again = await client.ask("GET", made.location)
    assert tag_of(made) == tag_of(read) == tag_of(again)
    patched = await client.ask("PATCH", made.location, {"description": "two"})
    assert tag_of(patched) not in ("", tag_of(made))
    assert tag_of(patched) == tag_of(await client.ask("GET", made.location))
    put = await client.ask("PUT", made.location, {"description": "three"})
    assert tag_of(put) == tag_of(await client.ask("HEAD", made.location))


@pytest_twisted.ensureDeferred
async def test_what_belongs_to_a_record_and_its_secrets_count(server: Server) -> None:
    """A room's tag is another one with another alias, an integration's with another
    password, though no answer shows it."""
    client = server.client
    room = await client.ask("POST", CONFERENCE, {"name": "One"})
    await client.create(ALIAS, {"alias": "one", "conference": room.location})
    assert tag_of(await client.ask("GET", room.location)) != tag_of(room)
    office = await client.ask("POST", CONNECTOR, HEAD_OFFICE)
    before = await client.get(office.location)
    changed = await client.ask("PATCH", office.location, {"password": "another"})
    assert await client.get(office.location) == before
    assert tag_of(changed) != tag_of(office)


@pytest.mark.parametrize("known", ["{}", 'W/{}, "x"', '"x", {}', "*"])
@pytest_twisted.ensureDeferred
async def test_what_a_reader_has_is_not_sent_again(server: Server, known: str) -> None:
    """If-None-Match with the record's tag is answered 304 without a body."""
    path = await server.client.create(CONFERENCE, {"name": "One"})
    tag = tag_of(await server.client.ask("GET", path))
    for method in ("GET", "HEAD"):
        answer = await server.client.ask(
            method, path, headers={"if-none-match": known.format(tag)}
        )
        assert (answer.status, answer.body, tag_of(answer)) == (304, b"", tag)
    answer = await server.client.ask("GET", path, headers={"if-none-match": '"x"'})
    assert answer.status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest_twisted.ensureDeferred
async def test_the_second_of_two_is_told(server: Server, method: str) -> None:
    """Of two administrators who have read the same, the second one's change is refused
    with who else there is and what to do, and goes through with the new tag."""
    client = server.client
    path = await client.create(CONFERENCE, {"name": "One"})
    tag = tag_of(await client.ask("GET", path))
    payload = None if method == "DELETE" else {"description": "second"}
    first = await change(server, "PATCH", path, tag, {"description": "first"})
    assert first.status == 202
    late = await change(server, method, path, tag, payload)
    assert late.status == 412
    assert late.json["code"] == "record_changed"
    for words in ("another administrator", "Read the record again", "new ETag"):
        assert words in late.json["error"]
    assert (await client.get(path))["description"] == "first"
    assert tag_of(late) == tag_of(first)
    assert (await change(server, method, path, tag_of(late), payload)).status < 300


@pytest_twisted.ensureDeferred
async def test_conditions_of_other_kinds(server: Server) -> None:
    """`*` matches any record; a weak tag none, and the answer says why; a list has no
    tag; what is no tag is a bad request that shows one."""
    client = server.client
    path = await client.create(CONFERENCE, {"name": "One"})
    tag = tag_of(await client.ask("GET", path))
    assert (
        await change(server, "PATCH", path, "*", {"description": "a"})
    ).status == 202
    weak = await change(server, "PATCH", path, f"W/{tag}", {"description": "b"})
    assert weak.status == 412
    tag = tag_of(await client.ask("GET", path))
    weak = await change(server, "PATCH", path, f"W/{tag}", {"description": "b"})
    assert weak.status == 412
    assert "proxy that compresses" in weak.json["error"]
    for method in ("POST", "PATCH", "DELETE"):
        answer = await change(server, method, CONFERENCE, tag, {})
        assert answer.status == 412
        assert "A list has no ETag" in answer.json["error"]
    answer = await change(server, "PATCH", path, "abc", {"description": "b"})
    assert answer.status == 400
    assert '"0123abcd"' in answer.json["error"]
    answer = await client.ask(
        "PUT", path, {"description": "b"}, headers={"if-none-match": "*"}
    )
    assert answer.status == 412
    gone = await change(server, "PATCH", f"{CONFERENCE}99/", tag, {})
    assert gone.status == 404
    assert (await client.get(path))["description"] == "a"


@given(st.lists(st.text("0123456789abcdef,W/*", max_size=8), min_size=1))
def test_tags_are_read_as_they_are_written(tags: list[str]) -> None:
    """A list of tags has each of them, whatever is between the quotes."""
    text = " , ".join(map(quoted, tags)).encode()
    parsed = parse_tags("If-Match", [text])
    assert parsed is not None
    assert all(parsed.have(tag) for tag in tags)
    assert not parsed.have("another")


@pytest.mark.parametrize("text", ['"', "a", '"a" "b"', '"a",', 'w/"a"', '*, "a"', ""])
def test_what_is_no_tag_is_refused(text: str) -> None:
    """Nothing is guessed of a header that is not as RFC 9110 has it."""
    with pytest.raises(BadRequest):
        parse_tags("If-Match", [text.encode()])
