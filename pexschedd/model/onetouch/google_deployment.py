"""The access to rooms of Google Workspace, the platform's `mjx_google_deployment`."""

from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import other_server

_TOKENS = (Destination("token_endpoint", other_server),)


class GoogleDeployment(Record, frozen=True, kw_only=True):
    """A Google Workspace whose rooms would be read; none is read yet."""

    name: Annotated[str, kinds.record_name("What this deployment is called.")]
    description: Annotated[str, kinds.notes()] = ""
    client_email: Annotated[
        str,
        Field(
            label="Client email",
            help="The address of the service account, or of the user who consents.",
            min_length=1,
            max_length=256,
        ),
    ]
    client_id: Annotated[
        str,
        Field(label="Client ID", help="The id of the application.", max_length=250),
    ] = ""
    client_secret: Annotated[
        str,
        Field(
            label="Client secret",
            help="The application's secret.",
            max_length=250,
            secret=True,
            sent_by=_TOKENS,
        ),
    ] = ""
    private_key: Annotated[
        str,
        Field(
            label="Private key",
            help="The service account's key, as Google gives it.",
            min_length=1,
            max_length=12288,
            multiline=True,
            secret=True,
            sent_by=_TOKENS,
        ),
    ]
    use_user_consent: Annotated[
        bool,
        Field(
            label="User consent",
            help="A user signs in and consents, rather than the service account.",
        ),
    ] = False
    auth_endpoint: Annotated[
        str, kinds.url("Authorization endpoint", "Google's authorization endpoint.")
    ] = "https://accounts.google.com/o/oauth2/v2/auth"
    token_endpoint: Annotated[
        str,
        Field(
            label="Token endpoint",
            help="Google's token endpoint.",
            min_length=1,
            max_length=255,
            checks=(addresses.http_url,),
        ),
    ] = "https://oauth2.googleapis.com/token"  # noqa: S105
    redirect_uri: Annotated[
        str,
        kinds.url(
            "Redirect URI", "Where the browser comes back to after a user's consent."
        ),
    ] = ""
    refresh_token: Annotated[
        str,
        Field(
            help="The result of a user's consent.",
            max_length=4096,
            secret=True,
            sent_by=_TOKENS,
            readonly=True,
        ),
    ] = ""
    oauth_state: Annotated[str | None, Field(help="Always null.", readonly=True)] = None
    maximum_number_of_api_requests: Annotated[
        int,
        Field(
            label="Request quota",
            help="How many requests are sent in 24 hours at most.",
            minimum=10_000,
        ),
    ] = 900_000
