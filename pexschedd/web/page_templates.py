"""The HTML pages in `web/pages`: jinja2 templates that escape all values."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_environment() -> Environment:
    """Return a jinja2 environment with the pages; a missing name is an error."""
    return Environment(
        loader=PackageLoader("pexschedd.web", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
