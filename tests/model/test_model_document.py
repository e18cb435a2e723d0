"""The reference of all fields."""

from pathlib import Path

from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.model.reference import document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_page_is_current() -> None:
    """The committed page is what the declared fields say now."""
    assert PAGE.read_text("utf-8") == document(), (
        "run: python -m pexschedd.model.reference > docs/configuration.md"
    )


def test_every_field_is_explained() -> None:
    """Each field of an integration that administrators meet has an explanation."""
    for name, declared in fields_of(Connector).items():
        if name != "id":
            assert declared.field.help, name
        if not (declared.field.readonly or declared.field.internal):
            assert declared.field.label, name
