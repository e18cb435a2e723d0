"""The add-in manifest, which makes Outlook show the button. Pure.

XML, because the newer JSON form is refused by Exchange on-premises. Three layers in one
document, of which a client takes the highest it understands, whole: nothing is
inherited from one to the next. The base (Mailbox 1.1) is for Outlook 2013, overrides
1.0 (Mailbox 1.3) have a ribbon button, and overrides 1.1 (Mailbox 1.5) also work in a
delegate's calendar.

Source: Microsoft's schemas for Office add-in manifests 1.1 and mail overrides 1.0, 1.1.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
from lxml.etree import Element, _Element, tostring

from pexschedd.errors import InvalidFields
from pexschedd.identity.exchange_token import addin_url
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.manifest_labels import (
    LIMITS,
    TRANSLATED,
    fitted,
    translations,
)
from pexschedd.model.integration.microsoft_clouds import is_guid
from pexschedd.web.addin.manifest.rules import manifest_problems

COMMAND = "addRoom"
"""The name under which the commands page registers the one-click command."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_BASE = "http://schemas.microsoft.com/office/appforoffice/1.1"
_TYPES = "http://schemas.microsoft.com/office/officeappbasictypes/1.0"
_V1_0 = "http://schemas.microsoft.com/office/mailappversionoverrides"
_V1_1 = "http://schemas.microsoft.com/office/mailappversionoverrides/1.1"

_TYPE = f"{{{_XSI}}}type"
_BUTTON_ICONS = (16, 20, 24, 32, 40, 48, 64, 80)
_LAYOUT = 1
"""Raised when a release makes another manifest of the same settings: clients take a
manifest for new only if its version is higher."""

_SHORT_STRINGS = {
    "groupLabel": "addin_group_label",
    "buttonLabel": "addin_button_label",
    "supertipTitle": "addin_supertip_title",
}
_LONG_STRINGS = {"supertipText": "addin_supertip_description"}
_COMMAND_SHORT_STRINGS = {
    "commandLabel": "addin_command_label",
    "commandTitle": "addin_command_supertip_title",
}
_COMMAND_LONG_STRINGS = {"commandText": "addin_command_supertip_description"}
_SCOPES = ("openid", "profile")


class _Texts(msgspec.Struct, frozen=True):
    """A text of the manifest, and its translations by their locales."""

    text: str
    others: Mapping[str, str]


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
    """Return the manifest as UTF-8 XML.

    Texts are made to fit. Raises `InvalidFields` for what no manifest can be made of,
    such as a server that is none.
    """
    if connector.addin_authentication_method == "SSO_TOKEN" and not is_guid(
        connector.addin_application_id or ""
    ):
        text = "With SSO_TOKEN the manifest needs the application's id, a GUID."
        raise InvalidFields({"addin_application_id": [text]})
    document = _document(connector, icon_revision)
    xml = tostring(document, encoding="utf-8", xml_declaration=True, pretty_print=True)
    problems = manifest_problems(xml)
    if problems:
        raise InvalidFields({"manifest": problems})
    return xml


def manifest_version(revision: int) -> str:
    """Return the version of a revision: four parts, as web clients require."""
    return f"1.{_LAYOUT}.{revision // 10000}.{revision % 10000}"


def application_id_uri(connector: Connector) -> str:
    """Return the address of the add-in's application in Entra, which `getAccessToken`
    asks a token for; Microsoft wants the add-in's host and the client id in it."""
    application = (connector.addin_application_id or "").lower()
    return f"api://{connector.addin_server_domain}/{application}"


def _texts(connector: Connector) -> Mapping[str, _Texts]:
    """The manifest's texts by their fields, as it can hold them."""
    own = {
        name: fitted(
            getattr(connector, name), limit, str(fields_of(Connector)[name].default)
        )
        for name, limit in LIMITS.items()
    }
    others: dict[str, dict[str, str]] = {name: {} for name in TRANSLATED}
    for each in translations(connector.addin_label_translations):
        limit = LIMITS[each.field]
        others[each.field][each.locale] = fitted(each.text, limit, own[each.field])
    return {name: _Texts(text, others.get(name, {})) for name, text in own.items()}


def _document(connector: Connector, icon_revision: str) -> _Element:
    e = _Maker(_BASE, {None: _BASE, "xsi": _XSI, "bt": _TYPES})
    pane = addin_url(connector.addin_server_domain, connector.id)

    texts = _texts(connector)

    def text(tag: str, value: str) -> _Element:
        return e(tag, {"DefaultValue": value})

    def translated(tag: str, name: str) -> _Element:
        return e(tag, {"DefaultValue": texts[name].text}, *_overridden(e, texts[name]))

    def form(tag: str) -> _Element:
        # The address that the token's audience is compared with: without a query.
        return e(tag, text("SourceLocation", pane))

    return e(
        "OfficeApp",
        {_TYPE: "MailApp"},
        e("Id", connector.uuid.lower()),
        e("Version", manifest_version(connector.manifest_revision)),
        e("ProviderName", texts["addin_provider_name"].text),
        e("DefaultLocale", connector.addin_default_locale),
        translated("DisplayName", "addin_display_name"),
        translated("Description", "addin_description"),
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
        _Overrides(connector, texts, icon_revision, _V1_0).block(
            _Overrides(connector, texts, icon_revision, _V1_1).block()
        ),
    )


def _overridden(e: _Maker, texts: _Texts) -> Iterator[_Element]:
    for locale, text in texts.others.items():
        yield e("Override", {"Locale": locale, "Value": text})


class _Overrides:
    """One block of overrides, complete in itself."""

    def __init__(
        self,
        connector: Connector,
        texts: Mapping[str, _Texts],
        icon_revision: str,
        namespace: str,
    ) -> None:
        self._connector = connector
        self._texts = texts
        self._icon_revision = icon_revision
        self._latest = namespace == _V1_1
        self._command = connector.enable_addin_command
        self._pane = addin_url(connector.addin_server_domain, connector.id)
        self._e = _Maker(namespace, {None: namespace})
        self._bt = _Maker(_TYPES, {"bt": _TYPES})

    def block(self, *newer: _Element) -> _Element:
        """Make the element; `newer` is the next block, which is its last child."""
        e, bt = self._e, self._bt
        return e(
            "VersionOverrides",
            {_TYPE: "VersionOverridesV1_1" if self._latest else "VersionOverridesV1_0"},
            e(
                "Requirements",
                bt(
                    "Sets",
                    {"DefaultMinVersion": "1.5" if self._latest else "1.3"},
                    bt("Set", {"Name": "Mailbox"}),
                ),
            ),
            e("Hosts", e("Host", {_TYPE: "MailHost"}, self._form_factor())),
            self._resources(),
            *self._web_application(),
            *newer,
        )

    def _form_factor(self) -> _Element:
        e = self._e
        group = e("Group", {"id": "meetingGroup"}, self._refer("Label", "groupLabel"))
        open_pane = self._refer("SourceLocation", "paneUrl")
        group.append(self._button("openPane", "button", "supertip", open_pane))
        if self._command:
            function = e("FunctionName", COMMAND)
            group.append(self._button(COMMAND, "command", "command", function))
        return e(
            "DesktopFormFactor",
            # Without it the button is greyed out in a shared calendar.
            *([e("SupportsSharedFolders", "true")] if self._latest else []),
            *([self._refer("FunctionFile", "commandsUrl")] if self._command else []),
            e(
                "ExtensionPoint",
                {_TYPE: "AppointmentOrganizerCommandSurface"},
                e("OfficeTab", {"id": "TabDefault"}, group),
            ),
        )

    def _button(self, id: str, label: str, tip: str, action: _Element) -> _Element:
        e, bt = self._e, self._bt
        kind = "ShowTaskpane" if id == "openPane" else "ExecuteFunction"
        return e(
            "Control",
            {_TYPE: "Button", "id": id},
            self._refer("Label", f"{label}Label"),
            e(
                "Supertip",
                self._refer("Title", f"{tip}Title"),
                self._refer("Description", f"{tip}Text"),
            ),
            e(
                "Icon",
                *(
                    bt("Image", {"size": str(size), "resid": f"icon{size}"})
                    for size in _BUTTON_ICONS
                ),
            ),
            e("Action", {_TYPE: kind}, action),
        )

    def _refer(self, tag: str, resid: str) -> _Element:
        return self._e(tag, {"resid": resid})

    def _resources(self) -> _Element:
        bt, revision = self._bt, self._connector.manifest_revision
        # The revision tells the server which manifest is still installed at a client.
        urls = {"paneUrl": f"{self._pane}?m={revision}"}
        short, long = dict(_SHORT_STRINGS), dict(_LONG_STRINGS)
        if self._command:
            folder = self._pane.rpartition("/")[0]
            urls["commandsUrl"] = f"{folder}/commands?m={revision}"
            short |= _COMMAND_SHORT_STRINGS
            long |= _COMMAND_LONG_STRINGS
        icons = {
            f"icon{size}": _icon_url(self._pane, size, self._icon_revision)
            for size in _BUTTON_ICONS
        }

        def addresses(tag: str, values: Mapping[str, str]) -> Iterator[_Element]:
            for resid, value in values.items():
                yield bt(tag, {"id": resid, "DefaultValue": value})

        return self._e(
            "Resources",
            bt("Images", *addresses("Image", icons)),
            bt("Urls", *addresses("Url", urls)),
            bt("ShortStrings", *self._strings(short)),
            bt("LongStrings", *self._strings(long)),
        )

    def _strings(self, fields: Mapping[str, str]) -> Iterator[_Element]:
        for resid, name in fields.items():
            texts = self._texts[name]
            yield self._bt(
                "String",
                {"id": resid, "DefaultValue": texts.text},
                *_overridden(self._bt, texts),
            )

    def _web_application(self) -> Iterator[_Element]:
        """The application that `getAccessToken` asks a token for: only for the method
        that uses it, because some installations fail if it is there."""
        connector = self._connector
        if self._latest and connector.addin_authentication_method == "SSO_TOKEN":
            e = self._e
            yield e(
                "WebApplicationInfo",
                e("Id", str(UUID(connector.addin_application_id))),
                e("Resource", application_id_uri(connector)),
                e("Scopes", *(e("Scope", scope) for scope in _SCOPES)),
            )


def _icon_url(pane: str, size: int, revision: str) -> str:
    """The address of an icon; a changed icon has a new one, as clients cache icons."""
    base = pane.rpartition("/")[0]
    return f"{base}/images/addin_icon_{size}.png?r={revision}"
