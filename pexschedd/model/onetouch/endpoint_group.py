"""A group of endpoints, the platform's `mjx_endpoint_group`."""

from typing import Annotated

from pexschedd.model.fields import kinds
from pexschedd.model.fields.declaration import Field, Record


class EndpointGroup(Record, frozen=True, kw_only=True):
    """A group of endpoints, which have a profile in common."""

    name: Annotated[str, kinds.record_name("What this group is called.")]
    description: Annotated[str, kinds.notes()] = ""
    mjx_integration: Annotated[
        int | None,
        Field(
            label="Profile",
            help="The profile of its endpoints. Without one nothing is shown on them.",
            related="mjx_integration",
        ),
    ] = None
    system_location: Annotated[
        int | None,
        Field(
            label="System location",
            help="Where the endpoints are. Clients of the platform send it; this "
            "server serves all locations.",
            related="system_location",
        ),
    ] = None
    disable_proxy: Annotated[
        bool,
        Field(
            label="Disable proxy",
            help="Reach the endpoints of this group without the web proxy.",
        ),
    ] = False
