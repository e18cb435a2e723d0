"""Microsoft's schemas, which are not ours to ship: tests that want them skip without.

They are looked for in the folder that `PEXSCHEDD_SCHEMAS` names, then beside the
repository in `shared/schemas`. `ews/ews.xsd` imports `messages.xsd` and `types.xsd` as
an Exchange server has them beside its services.wsdl, and SOAP's; `manifest/` has
OfficeAppManifestV1_1.xsd of [MS-OWEMXML].
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

EWS = "ews/ews.xsd"
MANIFEST = "manifest/OfficeAppManifestV1_1.xsd"

_REPOSITORY = Path(__file__).resolve().parents[1]


def schema_file(name: str) -> Path | None:
    """A schema's file, or None where it is not at hand."""
    given = os.environ.get("PEXSCHEDD_SCHEMAS")
    folders = [Path(given)] if given else []
    folders.append(_REPOSITORY.parent / "shared" / "schemas")
    files = [folder / name for folder in folders]
    return next((file for file in files if file.is_file()), None)


@cache
def found_schema(name: str) -> Any:
    """A schema, or None where it is not at hand."""
    file = schema_file(name)
    return None if file is None else etree.XMLSchema(etree.parse(str(file)))


def needed_file(name: str) -> Path:
    """A schema's file; without it the test is skipped, all with one reason."""
    file = schema_file(name)
    if file is None:
        pytest.skip(
            "Microsoft's schemas of EWS and of manifests are not here, and may not be "
            f"shipped: PEXSCHEDD_SCHEMAS names a folder with {EWS} and {MANIFEST}"
        )
    return file


def needed_schema(name: str) -> etree.XMLSchema:
    """A schema; without it the test is skipped."""
    needed_file(name)
    schema: etree.XMLSchema = found_schema(name)
    return schema
