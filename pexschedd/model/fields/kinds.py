"""Fields of the kinds that many records have."""

# ruff: noqa: A002 - `help` is Field's own word

from pexschedd.model.fields import addresses
from pexschedd.model.fields.declaration import Field


def label(label: str, help: str, *, only_with: str = "") -> Field:
    """Declare a short text that users see."""
    return Field(label=label, help=help, max_length=250, only_with=only_with)


def record_name(help: str) -> Field:
    """Declare the name of a record, of which there is one with that name."""
    return Field(label="Name", help=help, min_length=1, max_length=250, unique=True)


def notes() -> Field:
    """Declare an administrator's notes on a record."""
    return Field(label="Description", help="Notes on it.", max_length=250)


def button(label: str, help: str) -> Field:
    """Declare the text of a button, which may not be empty."""
    return Field(label=label, help=help, min_length=1, max_length=250, checks=(_shown,))


def _shown(value: str) -> str | None:
    return None if value.strip() else "This may not be empty."


def url(label: str, help: str, *, only_with: str = "") -> Field:
    """Declare an http(s) URL, which may be empty."""
    return Field(
        label=label,
        help=help,
        max_length=255,
        only_with=only_with,
        checks=(addresses.http_url,),
    )


def template(
    label: str, help: str, variables: frozenset[str], *, only_with: str = ""
) -> Field:
    """Declare a jinja2 template that may use `variables`."""
    return Field(
        label=label,
        help=help,
        max_length=12288,
        template=variables,
        only_with=only_with,
    )
