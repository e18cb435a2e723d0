"""An address of Autodiscover, the platform's `mjx_exchange_autodiscover_url`."""

from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Field, Record


class AutodiscoverUrl(Record, frozen=True, kw_only=True):
    """An address at which a deployment's Autodiscover is asked first."""

    name: Annotated[
        str,
        Field(
            label="Name",
            help="What this address is called.",
            min_length=1,
            max_length=250,
        ),
    ]
    description: Annotated[str, kinds.notes()] = ""
    url: Annotated[
        str,
        Field(
            label="URL",
            help="Where Autodiscover answers, usually https://autodiscover.example.com/"
            "autodiscover/autodiscover.xml. The deployment's service account signs in "
            "there.",
            min_length=1,
            max_length=255,
            checks=(addresses.http_url,),
        ),
    ]
    exchange_deployment: Annotated[
        int,
        Field(
            label="Exchange deployment",
            help="The deployment it is for.",
            related="mjx_exchange_deployment",
        ),
    ]
