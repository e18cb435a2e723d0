"""The fields by which a service account signs in with Kerberos, for each record that
has one."""

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Field


def realm(begins: str) -> Field:
    """Declare the realm, the first of the fields; `begins` is the title of all."""
    return Field(
        begins=begins,
        label="Kerberos realm",
        help="The realm of the service account, usually the domain in capitals. "
        "Required with KERBEROS.",
        max_length=250,
    )


KDC = Field(
    label="Kerberos KDC",
    help="The host name of the key distribution centre.",
    max_length=255,
    checks=(addresses.host_and_port,),
)
KDC_HTTPS_PROXY = kinds.url(
    "Kerberos KDC HTTPS proxy", "Reach the KDC through this proxy (KKDCP)."
)
EXCHANGE_SPN = Field(
    label="Exchange service principal name",
    help="Exchange's name in the realm, e.g. HTTP/mail.example.com; empty: made from "
    "the EWS URL.",
    max_length=255,
)
AUTH_EVERY_REQUEST = Field(
    label="Authenticate every request",
    help="For load balancers that do not keep a connection signed in.",
)
ENABLE_TLS = Field(label="Enable TLS", help="Talk to the KDC proxy over TLS.")
VERIFY_TLS_USING_CUSTOM_CA = Field(
    label="Verify TLS using custom CA",
    help="Check the KDC proxy's certificate with the configured CA file.",
)
