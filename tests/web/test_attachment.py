"""The names of downloads."""

import re
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.web.attachment import attachment


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("setup.txt", 'filename="setup.txt"'),
        ("m-Head office.xml", 'filename="m-Head office.xml"'),
        ('a";b.exe', 'filename="a-b.exe"'),
        ("../../etc/passwd.xml", 'filename="etc-passwd.xml"'),
        ("Büro.xml", "filename=\"Buro.xml\"; filename*=UTF-8''B%C3%BCro.xml"),
        (
            "会議.xml",
            "filename=\"download.xml\"; filename*=UTF-8''%E4%BC%9A%E8%AD%B0.xml",
        ),
    ],
)
def test_names(name: str, header: str) -> None:
    """A plain name stays, another one gets a plain fallback beside it."""
    assert attachment(name) == f"attachment; {header}"


@given(st.text(max_size=300))
def test_any_name(text: str) -> None:
    """The header is one line of ASCII, and no name leads out of a folder."""
    header = attachment(f"m-{text}.xml")
    assert re.fullmatch(r"[ -~]+", header)
    message = EmailMessage()
    message["content-disposition"] = header
    name = message.get_filename() or ""
    assert name.endswith(".xml")
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert len(name) <= 100
