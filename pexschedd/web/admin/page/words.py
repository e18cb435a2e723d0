"""The words of the administrator's page that are made from the declared fields."""

import msgspec

from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector

_ABOUT = "/* What people call the fields of an integration. */"


def words_script() -> bytes:
    """Return the labels of an integration's fields, as a script."""
    fields = fields_of(Connector)
    labels = {name: each.field.label for name, each in fields.items()}
    told = {name: label for name, label in labels.items() if label}
    text = msgspec.json.format(msgspec.json.encode(told), indent=1).decode()
    return f"{_ABOUT}\n\nexport const WORDS = {text};\n".encode()
