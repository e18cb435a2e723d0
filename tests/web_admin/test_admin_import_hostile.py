"""Documents that no export has made."""

import pytest
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.transfer_support import COMMANDS, EXPORT, IMPORT
from tests.web_admin.web_admin_support import Answer, Server

JSON = {"content-type": "application/json"}


async def sent(server: Server, body: str) -> Answer:
    return await server.client.ask("POST", IMPORT, body=body.encode(), headers=JSON)


@pytest.mark.parametrize(
    ("record", "place", "words"),
    [
        (
            '{"name": "Board", "participant_limit": 1e999}',
            ' "Board": participant_limit',
            "range",
        ),
        ('{"name": "Board", "pin": {"x": [1e400]}}', ' "Board": pin', "range"),
        ('{"name": ' + "1" * 1_000_000 + "}", ": name", "range"),
        ("1e999", "", "range"),
        ("[1e999]", "", "range"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_value_that_cannot_be_read(
    server: Server, record: str, place: str, words: str
) -> None:
    """It is named by record and field."""
    answer = await sent(server, f'{{"resources": {{"conference": [{record}]}}}}')
    assert answer.status == 400, answer.body
    ((found, (text,)),) = answer.json["configuration"].items()
    assert found == f"conference[0]{place}"
    assert words in text


@pytest.mark.parametrize("password", ["long enough", "", None, 7, "scrypt$1$1$1$a$b"])
@pytest_twisted.ensureDeferred
async def test_a_password_of_an_account_is_refused(
    server: Server, password: object
) -> None:
    """In whatever form it is sent, for an account that is there and a new one."""
    for name in ("admin", "eve"):
        account = {"name": name, "role": 3, "password": password}
        document = {"resources": {"administrator": [account]}}
        problems = await server.client.refused("POST", IMPORT, document)
        ((place, (text,)),) = problems.items()
        assert place == f'administrator[0] "{name}": password'
        assert "export with a passphrase" in text
    assert server.store.count(tables.ADMINISTRATOR) == 1


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (IMPORT, '{"resources": {}, "dry_run": true, "dry_run": false}', "dry_run"),
        (IMPORT, '{"resources": {"conference": [], "conference": []}}', "conference"),
        (IMPORT, '{"resources": {"conference": [{"pin": "1", "pin": "2"}]}}', "pin"),
        (IMPORT, '{"resources": {}, "secrets": {"u": {}, "u": {}}}', "u"),
        (EXPORT, '{"passphrase": "a", "passphrase": "b"}', "passphrase"),
        (
            f"{COMMANDS}import_from/",
            '{"address": "", "username": "", "password": "", "address": ""}',
            "address",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_name_stands_once_in_an_object(
    server: Server, path: str, body: str, name: str
) -> None:
    """Nobody knows which of two values was meant."""
    answer = await server.client.ask("POST", path, body=body.encode(), headers=JSON)
    assert answer.status == 400, answer.body
    assert f'"{name}" stands twice' in answer.json["error"]


@pytest_twisted.ensureDeferred
async def test_a_document_of_wrong_bytes(server: Server) -> None:
    """A text that is not UTF-8, deep in a record, is no failure of the daemon."""
    body = b'{"resources": {"conference": [{"name": "\xe6"}]}}'
    answer = await server.client.ask("POST", IMPORT, body=body, headers=JSON)
    assert answer.status == 400, answer.body
    assert "not UTF-8" in answer.json["error"]
