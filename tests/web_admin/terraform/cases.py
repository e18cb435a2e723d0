"""Configurations of every resource, as administrators write them for Terraform.

Each case has one record with what it needs, and other values for all of its fields.
Most values are made from the field's type; those that have to look like something are
here. A field that cannot have another value says so, with what the refusal says.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZipFile

from tests.net.net_support import DAY, Authority
from tests.web_admin.terraform.case import Case
from tests.web_admin.terraform.one_touch_cases import ONE_TOUCH_CASES
from tests.web_admin.terraform.workspace import Block, Ref


def certificate(name: str) -> str:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    root = Authority(name, begins=begin, expires=begin + 3650 * DAY)
    return root.pem.decode()


def package(version: int) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as file:
        file.writestr("themeconfig.json", f'{{"theme_version": {version}}}')
    return out.getvalue()


GUID = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
OTHER_GUID = "0b5d8f6e-3a52-4c55-9a55-0f5ba5a1c001"
API = "/api/admin/configuration/v1/"

OPENID = ".well-known/openid-configuration"

INTEGRATION = Block(
    "integration",
    "ms_exchange_connector",
    {
        "name": "Main office",
        "url": "https://mail.example.com/EWS/Exchange.asmx",
        "username": "EXAMPLE\\svc",
        "password": "correct horse",
        "room_mailbox_name": "Virtual meeting room",
        "room_mailbox_email_address": "vmr@example.com",
        "addin_server_domain": "vmr.example.com",
        "scheduled_alias_prefix": "77",
        "scheduled_alias_domain": "example.com",
        "enable_personal_vmrs": True,
        "personal_vmr_oauth_auth_endpoint": "https://adfs.example.com/adfs/oauth2/authorize",
        "personal_vmr_oauth_token_endpoint": "https://adfs.example.com/adfs/oauth2/token",
        "personal_vmr_adfs_relying_party_trust_identifier": "https://vmr.example.com/",
        "personal_vmr_oauth_client_secret": "hunter2",
        # What other ways to sign in need.
        "kerberos_realm": "EXAMPLE.COM",
        "oauth_client_id": "app",
        "oauth_client_secret": "hunter2",
        "oauth_redirect_uri": "https://vmr.example.com/oauth_redirect",
        "oauth_auth_endpoint": "https://login.example.com/authorize",
        "oauth_token_endpoint": "https://login.example.com/token",
        "addin_application_id": GUID,
        "addin_naa_web_api_application_id": OTHER_GUID,
        "addin_authority_url": "https://login.example.com/tenant",
        "addin_oidc_metadata_url": f"https://login.example.com/{OPENID}",
    },
    generated=frozenset({"personal_vmr_oauth_client_id"}),
)
SECOND = Block(
    "second",
    "ms_exchange_connector",
    {
        "name": "Branch office",
        "addin_server_domain": "vmr2.example.com",
        "enable_dynamic_vmrs": False,
        "enable_personal_vmrs": True,
        "auth_provider": "AZURE",
        "personal_vmr_oauth_auth_endpoint": "https://login.example.com/t/oauth2/v2.0/authorize",
        "personal_vmr_oauth_token_endpoint": "https://login.example.com/t/oauth2/v2.0/token",
        "personal_vmr_oauth_client_secret": "hunter2",
        "personal_vmr_oauth_client_id": GUID,
    },
)
ROOM = Block(
    "room",
    "conference",
    {"name": "Board room", "pin": "2580", "allow_guests": True, "guest_pin": "1470"},
)
OTHER_ROOM = Block("other_room", "conference", {"name": "Lounge"})
THEME = Block("theme", "ivr_theme", {"name": "Night", "package": package(2)})
STAFF = Block("staff", "identity_provider_group", {"name": "Staff"})
HANDED_OUT = Block(
    "handed_out",
    "scheduled_alias",
    {
        "uuid": "11111111-2222-3333-4444-555555555555",
        "alias": "77123456@example.com",
        "numeric_alias": "77123456",
        "alias_number": 123456,
        "exchange_connector": Ref("integration"),
    },
)

CASES: Mapping[str, Case] = {
    **ONE_TOUCH_CASES,
    "ms_exchange_connector": Case(
        INTEGRATION,
        (THEME, STAFF),
        values={
            "url": "https://mail2.example.com/EWS/Exchange.asmx",
            "room_mailbox_email_address": "vmr2@example.com",
            "kerberos_kdc_https_proxy": "https://kdc.example.com/KdcProxy",
            "scheduled_alias_prefix": "+47",
            "graph_api_domain": "graph.microsoft.us",
            "ivr_theme": Ref("theme"),
            "host_identity_provider_group": Ref("staff"),
            "personal_vmr_oauth_auth_endpoint": "https://adfs2.example.com/adfs/oauth2/authorize",
            "personal_vmr_oauth_token_endpoint": "https://adfs2.example.com/adfs/oauth2/token",
            "addin_default_locale": "nb-NO",
            "addin_label_translations": "nb-NO addin_button_label = Lag et rom",
            "addin_frame_ancestors": "https://mail.example.com\nhttps://*.example.com",
            "addin_pane_translations": "nb close = Lukk",
            "addin_oidc_metadata_url": f"https://login2.example.com/{OPENID}",
            "additional_add_in_script_sources": "https://files.example.com/a.js",
            "domains": [{"domain": "mail.example.com"}, {"domain": "x.example.com"}],
        },
        also={
            "auth_provider": {
                name: SECOND.config[name]
                for name in (
                    "personal_vmr_oauth_auth_endpoint",
                    "personal_vmr_oauth_token_endpoint",
                )
            },
            "mailbox_protocol": {
                "oauth_token_endpoint": "https://login.microsoftonline.com/"
                "contoso.example/oauth2/v2.0/token",
                "oauth_client_id": "5c1e8a50-1c7d-4f0e-9d2c-2f0d6b1f9a11",
            },
        },
        needed=frozenset(
            {
                "url",
                "username",
                "room_mailbox_email_address",
                "scheduled_alias_prefix",
                "personal_vmr_oauth_auth_endpoint",
                "personal_vmr_oauth_token_endpoint",
                "personal_vmr_adfs_relying_party_trust_identifier",
            }
        ),
    ),
    "exchange_domain": Case(
        Block(
            "domain",
            "exchange_domain",
            {"exchange_connector": Ref("integration"), "domain": "mail.example.com"},
        ),
        (INTEGRATION, SECOND),
        values={"domain": "outlook.office365.com", "exchange_connector": Ref("second")},
    ),
    "scheduled_alias": Case(
        HANDED_OUT,
        (INTEGRATION, SECOND),
        values={
            "uuid": "99999999-2222-3333-4444-555555555555",
            "exchange_connector": Ref("second"),
        },
    ),
    "conference": Case(
        ROOM,
        (THEME, STAFF),
        values={
            "pin": "11223344",
            "guest_pin": "44556677",
            "primary_owner_email_address": "alice@example.com",
            "max_callrate_in": 1024,
            "max_callrate_out": 2048,
            "ivr_theme": Ref("theme"),
            "host_identity_provider_group": Ref("staff"),
            "guest_identity_provider_group": Ref("staff"),
            "gms_access_token": f"{API}gms_access_token/1/",
            "mssip_proxy": f"{API}mssip_proxy/1/",
            "teams_proxy": f"{API}teams_proxy/1/",
            "system_location": f"{API}system_location/1/",
            "media_playlist": f"{API}media_library_playlist/1/",
            "automatic_participants": [f"{API}automatic_participant/1/"],
            "aliases": [{"alias": "board@example.com", "description": "by name"}],
        },
        also={
            "pin": {"guest_pin": "44556677"},
            "guest_pin": {"pin": "11223344"},
            "allow_guests": {"guest_pin": None},
            "guest_identity_provider_group": {"guest_pin": None},
        },
        needed=frozenset({"pin", "guest_pin"}),
    ),
    "conference_alias": Case(
        Block("alias", "conference_alias", {"alias": "b", "conference": Ref("room")}),
        (ROOM, OTHER_ROOM),
        values={"conference": Ref("other_room")},
    ),
    "end_user": Case(
        Block(
            "user",
            "end_user",
            {"primary_email_address": "alice@example.com", "ms_exchange_guid": ""},
            generated=frozenset({"uuid"}),
        ),
        values={
            "avatar_url": "https://files.example.com/alice.png",
            "user_groups": [f"{API}user_group/1/"],
        },
    ),
    "scheduled_conference": Case(
        Block(
            "meeting",
            "scheduled_conference",
            {
                "conference": Ref("room"),
                "start_time": "2026-12-01T09:00:00",
                "end_time": "2026-12-01T10:00:00Z",
            },
        ),
        (ROOM, OTHER_ROOM, INTEGRATION, HANDED_OUT),
        values={
            "conference": Ref("other_room"),
            "start_time": "2026-12-01T08:00:00",
            "end_time": "2026-12-01T10:30:00",
            "scheduled_alias": Ref("handed_out"),
            "recurring_conference": f"{API}recurring_conference/1/",
        },
    ),
    "ca_certificate": Case(
        Block("root", "ca_certificate", {"certificate": certificate("One")}),
        values={"certificate": certificate("Two")},
    ),
    "ivr_theme": Case(THEME, values={"package": package(3)}),
    "identity_provider_group": Case(
        STAFF, values={"identity_provider": [f"{API}identity_provider/1/"]}
    ),
    "administrator": Case(
        Block(
            "help_desk",
            "administrator",
            {"name": "anna", "password": "long enough", "role": f"{API}role/2/"},
        ),
        values={"role": f"{API}role/1/", "password": "longer than that"},
    ),
    "api_token": Case(
        Block(
            "token",
            "api_token",
            {"name": "backup", "role": f"{API}role/1/"},
            generated=frozenset({"expiration_time"}),
        ),
        values={"role": f"{API}role/2/", "expiration_time": "2027-01-01T00:00:00"},
    ),
    "oauth2_client": Case(
        Block("script", "oauth2_client", {"client_name": "x", "role": f"{API}role/1/"}),
        values={"role": f"{API}role/2/"},
    ),
}
