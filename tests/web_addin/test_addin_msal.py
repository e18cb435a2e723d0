"""Microsoft's library for nested app authentication: fetched, verified and served."""

import io
import json
import re
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from pexschedd.errors import InvalidFields
from pexschedd.management.save_notes import Revision
from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.msal.commands import COMMAND
from pexschedd.web.addin.msal.download import (
    MAX_ARCHIVE,
    NotInstalled,
    archive_url,
    fetch,
    install,
    main,
    registry_of,
    unpacked,
)
from pexschedd.web.addin.msal.library import FILE, NAME, VERSION, MsalLibrary
from pexschedd.web.addin.msal.page_settings import auth_settings
from pexschedd.web.addin.review import review
from tests.web_addin.addin_support import CONNECTOR, Behind, Server

reactor: Any = _reactor

API = "aaaaaaaa-0000-4000-8000-000000000001"
APP = "bbbbbbbb-0000-4000-8000-000000000002"
NAA = {
    "addin_authentication_method": "NAA_TOKEN",
    "addin_application_id": APP.upper(),
    "addin_authority_url": "https://login.microsoftonline.com/contoso.example",
    "addin_naa_web_api_application_id": API.upper(),
    "addin_oidc_metadata_url": "https://login.microsoftonline.com/contoso.example/v2.0/"
    ".well-known/openid-configuration",
}

installed = pytest.mark.skipif(
    not MsalLibrary().is_installed(),
    reason="Microsoft's library is not installed: run `make msal`",
)


@pytest.mark.parametrize(
    ("environ", "npmrc", "registry"),
    [
        ({}, "", "https://registry.npmjs.org/"),
        ({}, "fund=false\nregistry = https://npm.example.test/a/\n", None),
        ({}, "registry=https://b/\n@azure:registry=https://npm.example.test/a/", None),
        ({"NPM_CONFIG_REGISTRY": "https://npm.example.test/a/"}, "registry=x", None),
        ({"npm_config_registry": "https://npm.example.test/a/"}, "registry=x", None),
    ],
)
def test_the_registry(
    tmp_path: Path, environ: dict[str, str], npmrc: str, registry: str | None
) -> None:
    """It is the one that npm would ask for this package."""
    (tmp_path / ".npmrc").write_text(npmrc)
    found = registry_of(environ, tmp_path)
    assert found == (registry or "https://npm.example.test/a/")


def test_the_archives_address() -> None:
    """It is npm's for the pinned version; other protocols are not used."""
    assert archive_url("https://npm.example.test/a") == (
        f"https://npm.example.test/a/@azure/msal-browser/-/msal-browser-{VERSION}.tgz"
    )
    for wrong in ("", "http://npm.example.test/", "file:///etc", "npm.example.test"):
        with pytest.raises(NotInstalled, match="not the https URL"):
            archive_url(wrong)


class Registry(Resource):
    """A registry that answers with what a test wants."""

    isLeaf = True
    content = b"archive"
    status = 200

    def render_GET(self, request: Request) -> bytes:
        request.setResponseCode(self.status)
        return self.content


@pytest_twisted.async_yield_fixture
async def registry() -> AsyncIterator[tuple[Registry, str]]:
    resource = Registry()
    port = reactor.listenTCP(0, Site(resource), interface="127.0.0.1")
    yield resource, f"http://127.0.0.1:{port.getHost().port}/"
    await maybeDeferred(port.stopListening)


@pytest_twisted.ensureDeferred
async def test_fetching(registry: tuple[Registry, str]) -> None:
    """The archive comes as it is; too large a one, and an error, are told."""
    resource, url = registry
    assert await deferToThread(fetch, archive_url(url)) == b"archive"
    resource.content = b"x" * (MAX_ARCHIVE + 1)
    with pytest.raises(NotInstalled, match="larger than"):
        await deferToThread(fetch, archive_url(url))
    resource.status = 503
    with pytest.raises(NotInstalled, match="503"):
        await deferToThread(fetch, archive_url(url))


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as content:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            content.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_another_archive_is_not_unpacked(tmp_path: Path) -> None:
    """Content that is not the pinned one changes nothing, and both digests are told."""
    other = archive(**{"package/lib/msal-browser.min.js": b"evil()"})
    with pytest.raises(NotInstalled, match=r"sha512-.*not sha512-o/ADx"):
        install(other, tmp_path / "library")
    assert not (tmp_path / "library").exists()
    (tmp_path / "other.tgz").write_bytes(other)
    said = io.StringIO()
    arguments = ["--file", str(tmp_path / "other.tgz")]
    assert main(arguments, tmp_path / "library", said) == 1
    assert "was not installed" in said.getvalue()
    arguments = ["--file", str(tmp_path / "missing.tgz")]
    assert main(arguments, tmp_path / "library", said) == 1
    assert "No such file" in said.getvalue()


def test_what_is_unpacked() -> None:
    """Only the library and its licence are taken, from nowhere else and no links."""
    library, licence = "package/lib/msal-browser.min.js", "package/LICENSE"
    good = archive(**{library: b"js", licence: b"MIT", "package/../../etc": b"x"})
    assert unpacked(good) == {FILE: b"js", f"{FILE}.LICENSE": b"MIT"}
    with pytest.raises(NotInstalled, match="lacks"):
        unpacked(archive(**{licence: b"MIT"}))
    with pytest.raises(NotInstalled, match="lacks"):
        unpacked(archive(**{library: b"x" * (3 * 1024 * 1024), licence: b"MIT"}))
    with pytest.raises(NotInstalled, match="cannot be read"):
        unpacked(b"no archive")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as content:
        link = tarfile.TarInfo(library)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        content.addfile(link)
    with pytest.raises(NotInstalled):
        unpacked(out.getvalue())


def test_another_content_is_not_served(tmp_path: Path) -> None:
    """A file of the right name that somebody has changed is not given to browsers."""
    library = MsalLibrary(tmp_path)
    assert not library.is_installed()
    (tmp_path / FILE).write_bytes(b"evil()")
    assert library.file() is None


class WithDomain:
    """Records among which each integration has a metadata domain."""

    def all(self, table: object) -> Iterator[Any]:
        return iter(())

    def find_all(self, index: object, key: object) -> Iterator[Any]:
        return iter([object()])


def revised(record: Connector, current: Connector | None = None) -> Revision:
    return Revision(record, WithDomain(), current)


def test_it_is_missed_when_it_is_needed() -> None:
    """Choosing the one method that needs it is refused, with the command."""
    record = replace(CONNECTOR, **NAA)
    sso = replace(record, addin_authentication_method="SSO_TOKEN")
    for current in (None, CONNECTOR, sso):
        with pytest.raises(InvalidFields) as caught:
            review(revised(record, current), has_msal=False)
        (text,) = caught.value.problems["addin_authentication_method"]
        assert COMMAND in text
    assert review(revised(record), has_msal=True) == []
    assert review(revised(sso, record), has_msal=False) == []


def test_it_is_gone() -> None:
    """An integration that has the method already can be changed, with a note that goes
    into the log as well."""
    record = replace(CONNECTOR, **NAA)
    changed = replace(record, description="Oslo")
    (note,) = review(revised(changed, record), has_msal=False)
    assert (note.field, note.is_logged) == ("addin_authentication_method", True)
    assert COMMAND in note.text
    assert review(revised(changed, record), has_msal=True) == []


def test_an_old_fault_is_no_reason_to_refuse_a_change() -> None:
    """An integration of which no manifest can be made may be changed in everything that
    is not in one; a change of the manifest is refused, and a new one too."""
    broken = replace(CONNECTOR, addin_server_domain="no server")
    changed = replace(broken, description="Oslo")
    assert review(revised(changed, broken)) == []
    labelled = replace(broken, addin_button_label="Room")
    for record, current in ((labelled, broken), (broken, None)):
        with pytest.raises(InvalidFields):
            review(revised(record, current))


def test_the_panes_settings() -> None:
    """The pane gets all that it needs for the method, and no more; only Exchange's
    tokens may wait in an invitation."""
    assert auth_settings(CONNECTOR, "x") == {
        "method": "EXCHANGE_USER_ID_TOKEN",
        "offline": True,
    }
    assert auth_settings(replace(CONNECTOR, **NAA), "../static/1/msal.js") == {
        "method": "NAA_TOKEN",
        "offline": False,
        "clientId": APP,
        "authority": "https://login.microsoftonline.com/contoso.example",
        "scope": f"api://{API}/.default",
        "msal": "../static/1/msal.js",
    }
    sso = replace(CONNECTOR, **NAA | {"addin_authentication_method": "SSO_TOKEN"})
    assert auth_settings(sso, "x") == {"method": "SSO_TOKEN", "offline": False}


def auth_of(page: bytes) -> Any:
    found = re.search(
        r"<script[^>]*application/json[^>]*>(.*?)</script>", page.decode(), re.DOTALL
    )
    assert found is not None
    return json.loads(found[1])["auth"]


@installed
@pytest_twisted.ensureDeferred
async def test_it_is_served(server: Server, behind: Behind) -> None:
    """The pane names its address, under which it may be kept for ever."""
    behind.change(**NAA)
    auth = auth_of((await server.get("/1/addin")).body)
    assert auth["msal"].startswith("../static/")
    answer = await server.get(auth["msal"].removeprefix(".."))
    assert answer.status == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert f"msal-browser v{VERSION}" in answer.body[:100].decode()


@installed
def test_installing_again(tmp_path: Path) -> None:
    """What is installed is left alone, unless it is asked for."""
    said = io.StringIO()
    assert main([], out=said) == 0
    assert "is installed" in said.getvalue()
    arguments = ["--again", "--file", str(tmp_path / "missing")]
    assert main(arguments, out=said) == 1


@pytest_twisted.ensureDeferred
async def test_the_pane_without_it(
    behind: Behind, files: ConnectorFiles, tmp_path: Path
) -> None:
    """A pane that needs it and cannot have it is told so."""
    behind.change(**NAA)
    server = Server(behind, files, MsalLibrary(tmp_path))
    await server.listen()
    try:
        assert auth_of((await server.get("/1/addin")).body)["msal"] == ""
        assert (await server.get(f"/static/x/{NAME}")).status == 404
    finally:
        await server.close()
