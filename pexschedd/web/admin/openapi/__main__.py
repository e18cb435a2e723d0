"""`python -m pexschedd.web.admin.openapi`: the OpenAPI document, as JSON."""

import json
import sys

from pexschedd import __version__
from pexschedd.web.admin.openapi.discovery import all_routes
from pexschedd.web.admin.openapi.document import make_document


def text() -> str:
    """Return the document as it is committed, one value a line."""
    document = make_document(all_routes(), __version__)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
