"""The add-in manifest, which makes Outlook show the button. Pure.

XML, because the newer JSON form is refused by Exchange on-premises. Three layers in one
document, of which a client takes the highest it understands, whole: nothing is
inherited from one to the next. The base (Mailbox 1.1) is for Outlook 2013, overrides
1.0 (Mailbox 1.3) have a ribbon button, and overrides 1.1 (Mailbox 1.5) also work in a
delegate's calendar.

Source: Microsoft's schemas for Office add-in manifests 1.1 and mail overrides 1.0, 1.1.
"""

from collections.abc import Mapping
from typing import Any

from lxml.etree import Element, _Element, tostring

from pexschedd.errors import InvalidFields
from pexschedd.identity.exchange_token import addin_url
from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.manifest_check import manifest_problems

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_BASE = "http://schemas.microsoft.com/office/appforoffice/1.1"
_TYPES = "http://schemas.microsoft.com/office/officeappbasictypes/1.0"
_V1_0 = "http://schemas.microsoft.com/office/mailappversionoverrides"
_V1_1 = "http://schemas.microsoft.com/office/mailappversionoverrides/1.1"

_TYPE = f"{{{_XSI}}}type"
_BUTTON_ICONS = (16, 32, 64, 80)

_LIMITS = {
    "addin_provider_name": 125,
    "addin_display_name": 125,
    "addin_description": 250,
    "addin_group_label": 125,
    "addin_button_label": 125,
    "addin_supertip_title": 125,
    "addin_supertip_description": 250,
}
"""Characters that the schema lets each text have; none may be empty."""


class _Maker:
    """Makes elements of one namespace."""

    def __init__(self, namespace: str, nsmap: Mapping[str | None, str]) -> None:
        self._namespace = namespace
        self._nsmap: Any = nsmap  # the stubs do not know the default namespace, None

    def __call__(
        self, tag: str, *content: Mapping[str, str] | str | _Element
    ) -> _Element:
        """`content` is attributes, a text, or children."""
        element = Element(f"{{{self._namespace}}}{tag}", nsmap=self._nsmap)
        for part in content:
            if isinstance(part, _Element):
                element.append(part)
            elif isinstance(part, str):
                element.text = part
            else:
                for name, value in part.items():
                    element.set(name, value)
        return element


def build_manifest(connector: Connector, icon_revision: str) -> bytes:
    """Return the manifest as UTF-8 XML; raises `InvalidFields` for texts that it cannot
    hold."""
    _refuse_texts(connector)
    document = _document(connector, icon_revision)
    xml = tostring(document, encoding="utf-8", xml_declaration=True, pretty_print=True)
    problems = manifest_problems(xml)
    if problems:
        raise InvalidFields({"manifest": problems})
    return xml


def manifest_version(revision: int) -> str:
    """Return the version of a revision: four parts, as web clients require."""
    return f"1.0.{revision // 10000}.{revision % 10000}"


def _refuse_texts(connector: Connector) -> None:
    problems: dict[str, list[str]] = {}
    for name, limit in _LIMITS.items():
        text = getattr(connector, name)
        if not text.strip():
            problems[name] = ["The add-in manifest needs a text here."]
        elif len(text) > limit:
            problems[name] = [
                f"The add-in manifest takes {limit} characters here, not {len(text)}."
            ]
        elif not _printable(text):
            problems[name] = ["The add-in manifest takes no control characters."]
    if problems:
        raise InvalidFields(problems)


def _printable(text: str) -> bool:
    """True if XML can hold the text, in one line."""
    return not any(
        c < " "
        or "\x7f" <= c <= "\x9f"
        or "\ud800" <= c <= "\udfff"
        or c in "\ufffe\uffff"
        for c in text
    )


def _document(connector: Connector, icon_revision: str) -> _Element:
    e = _Maker(_BASE, {None: _BASE, "xsi": _XSI, "bt": _TYPES})
    pane = addin_url(connector.addin_server_domain, connector.id)

    def text(tag: str, value: str) -> _Element:
        return e(tag, {"DefaultValue": value})

    def form(tag: str) -> _Element:
        # The address that the token's audience is compared with: without a query.
        return e(tag, text("SourceLocation", pane))

    return e(
        "OfficeApp",
        {_TYPE: "MailApp"},
        e("Id", connector.uuid.lower()),
        e("Version", manifest_version(connector.manifest_revision)),
        e("ProviderName", connector.addin_provider_name),
        e("DefaultLocale", "en-US"),
        text("DisplayName", connector.addin_display_name),
        text("Description", connector.addin_description),
        text("IconUrl", _icon_url(pane, 64, icon_revision)),
        text("HighResolutionIconUrl", _icon_url(pane, 128, icon_revision)),
        e("Hosts", e("Host", {"Name": "Mailbox"})),
        e(
            "Requirements",
            e("Sets", e("Set", {"Name": "Mailbox", "MinVersion": "1.1"})),
        ),
        e(
            "FormSettings",
            e(
                "Form",
                {_TYPE: "ItemEdit"},
                form("DesktopSettings"),
                form("TabletSettings"),
                form("PhoneSettings"),
            ),
        ),
        e("Permissions", connector.addin_manifest_permissions),
        e(
            "Rule",
            {_TYPE: "ItemIs", "ItemType": "Appointment", "FormType": "Edit"},
        ),
        e("DisableEntityHighlighting", "true"),
        _overrides(
            connector,
            pane,
            icon_revision,
            _V1_0,
            _overrides(connector, pane, icon_revision, _V1_1),
        ),
    )


def _overrides(
    connector: Connector,
    pane: str,
    icon_revision: str,
    namespace: str,
    *newer: _Element,
) -> _Element:
    """One block of overrides, complete in itself; `newer` is the next one in it."""
    e = _Maker(namespace, {None: namespace})
    bt = _Maker(_TYPES, {"bt": _TYPES})
    latest = namespace == _V1_1

    def string(resid: str, value: str) -> _Element:
        return bt("String", {"id": resid, "DefaultValue": value})

    icons = [
        bt(
            "Image",
            {
                "id": f"icon{size}",
                "DefaultValue": _icon_url(pane, size, icon_revision),
            },
        )
        for size in _BUTTON_ICONS
    ]
    form_factor = e(
        "DesktopFormFactor",
        # Without it the button is greyed out in a shared calendar.
        *([e("SupportsSharedFolders", "true")] if latest else []),
        e(
            "ExtensionPoint",
            {_TYPE: "AppointmentOrganizerCommandSurface"},
            e("OfficeTab", {"id": "TabDefault"}, _group(e, bt)),
        ),
    )
    return e(
        "VersionOverrides",
        {_TYPE: "VersionOverridesV1_1" if latest else "VersionOverridesV1_0"},
        e(
            "Requirements",
            bt(
                "Sets",
                {"DefaultMinVersion": "1.5" if latest else "1.3"},
                bt("Set", {"Name": "Mailbox"}),
            ),
        ),
        e("Hosts", e("Host", {_TYPE: "MailHost"}, form_factor)),
        e(
            "Resources",
            bt("Images", *icons),
            bt(
                "Urls",
                # Tells the server which manifest is still installed at a client.
                bt(
                    "Url",
                    {
                        "id": "paneUrl",
                        "DefaultValue": f"{pane}?m={connector.manifest_revision}",
                    },
                ),
            ),
            bt(
                "ShortStrings",
                string("groupLabel", connector.addin_group_label),
                string("buttonLabel", connector.addin_button_label),
                string("supertipTitle", connector.addin_supertip_title),
            ),
            bt(
                "LongStrings",
                string("supertipText", connector.addin_supertip_description),
            ),
        ),
        *newer,
    )


def _group(e: _Maker, bt: _Maker) -> _Element:
    def refer(tag: str, resid: str) -> _Element:
        return e(tag, {"resid": resid})

    return e(
        "Group",
        {"id": "meetingGroup"},
        refer("Label", "groupLabel"),
        e(
            "Control",
            {_TYPE: "Button", "id": "openPane"},
            refer("Label", "buttonLabel"),
            e(
                "Supertip",
                refer("Title", "supertipTitle"),
                refer("Description", "supertipText"),
            ),
            e(
                "Icon",
                *(
                    bt("Image", {"size": str(size), "resid": f"icon{size}"})
                    for size in _BUTTON_ICONS
                ),
            ),
            e("Action", {_TYPE: "ShowTaskpane"}, refer("SourceLocation", "paneUrl")),
        ),
    )


def _icon_url(pane: str, size: int, revision: str) -> str:
    """The address of an icon; a changed icon has a new one, as clients cache icons."""
    base = pane.rpartition("/")[0]
    return f"{base}/images/addin_icon_{size}.png?r={revision}"
