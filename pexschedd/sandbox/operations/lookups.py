"""The operations that concern no item: ResolveNames, GetServerTimeZones, ConvertId and
GetUserConfiguration."""

import re
from functools import partial

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids, timezones
from pexschedd.sandbox.items.records import MailboxUser
from pexschedd.sandbox.mailboxes.accounts import Account, Processing
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall, failed
from pexschedd.sandbox.properties.value_types import write_mailbox


def resolve_names(call: OperationCall) -> Element:
    """ResolveNames: the address book's entries by the beginning of a name or an
    address."""
    full = markup.need(
        call.element, "ReturnFullContactData", ("true", "false", "1", "0")
    )
    entry = markup.need_m(call.element, "UnresolvedEntry").text or ""
    wanted = re.sub(r"^(smtp|ex):", "", entry.strip(), flags=re.IGNORECASE).casefold()
    found = [
        mailbox.account
        for mailbox in call.exchange.mailboxes()
        if wanted and _matches(wanted, mailbox.account)
    ][:100]

    def write(good: Element) -> None:
        if not found:
            raise EwsError("ErrorNameResolutionNoResults", "No results were found.")
        resolutions = markup.m(
            good,
            "ResolutionSet",
            TotalItemsInView=str(len(found)),
            IncludesLastItemInRange="true",
        )
        for account in found:
            resolution = markup.t(resolutions, "Resolution")
            person = MailboxUser(account.name, account.address)
            write_mailbox(resolution, person, kind=account.mailbox_type)
            if full in ("true", "1"):
                contact = markup.t(resolution, "Contact")
                markup.t(contact, "DisplayName", account.name)
                _write_addresses(contact, account)
                markup.t(contact, "ContactSource", "ActiveDirectory")

    response = call.answer([write])
    if len(found) > 1:
        # Success with a warning: the caller has to choose.
        error = EwsError(
            "ErrorNameResolutionMultipleResults", "Multiple results were found."
        )
        warning = failed("ResolveNames", error, response_class="Warning")
        messages = response[0]
        warning.extend(list(messages[0])[1:])
        messages[0] = warning
    return response


def _write_addresses(contact: Element, account: Account) -> None:
    """Add the first three proxy addresses, the primary one marked by upper case."""
    proxies = [
        f"SMTP:{account.address}",
        *(f"smtp:{each}" for each in account.aliases),
    ]
    entries = markup.t(contact, "EmailAddresses")
    for number, proxy in enumerate(proxies[:3], 1):
        markup.t(entries, "Entry", proxy, Key=f"EmailAddress{number}")


def _matches(wanted: str, account: Account) -> bool:
    name = account.name.casefold()
    found = (account.address, *account.aliases, name, *name.split())
    return any(each.casefold().startswith(wanted) for each in found)


def get_server_time_zones(call: OperationCall) -> Element:
    """GetServerTimeZones: the definitions of some zones, or of all."""
    full = markup.maybe(
        call.element, "ReturnFullTimeZoneData", ("true", "false", "1", "0")
    )
    listed = markup.find_m(call.element, "Ids")
    wanted = (
        [child.text or "" for child in listed]
        if listed is not None
        else list(timezones.zones())
    )
    year = call.exchange.now().year

    def write(good: Element) -> None:
        definitions = markup.m(good, "TimeZoneDefinitions")
        for zone in wanted:
            if timezones.known(zone):
                definition = markup.t(definitions, "TimeZoneDefinition")
                # The schema wants the periods even when only names are asked for.
                timezones.write_zone(definition, zone, year, rules=full != "false")

    return call.answer([write])


def convert_id(call: OperationCall) -> Element:
    """ConvertId: from EwsId to EwsId only, as clients use it to try a server out."""
    to = markup.need(call.element, "DestinationFormat")

    def write_one(source: Element, good: Element) -> None:
        identifier = markup.need(source, "Id")
        if ids.mailbox_of(identifier) is None:
            raise EwsError("ErrorInvalidIdMalformed")
        if to != "EwsId" or source.get("Format") != "EwsId":
            raise EwsError("ErrorInvalidOperation", "Only EwsId is known here.")
        converted = markup.m(good, "AlternateId")
        converted.set(
            "{http://www.w3.org/2001/XMLSchema-instance}type", "t:AlternateIdType"
        )
        for name in ("Format", "Id", "Mailbox"):
            converted.set(name, markup.need(source, name))

    sources = markup.need_m(call.element, "SourceIds")
    return call.answer([partial(write_one, source) for source in sources])


def get_user_configuration(call: OperationCall) -> Element:
    """GetUserConfiguration: only "Calendar" in the calendar folder, which says how the
    mailbox processes meeting messages.

    Its dictionary is undocumented; the entry's name and numbers are those of Exchange's
    own tools.
    """
    markup.in_order(
        call.element, ("UserConfigurationName", "UserConfigurationProperties")
    )
    wanted = markup.need_m(call.element, "UserConfigurationName")
    name = markup.need(wanted, "Name")
    parts = markup.need_m(call.element, "UserConfigurationProperties")
    chosen = (parts.text or "").split()
    for part in chosen:
        markup.chosen(parts, "UserConfigurationProperties", part, _PARTS)

    def write(good: Element) -> None:
        (find,) = call.folders(wanted)
        mailbox, folder = find()
        if name != "Calendar" or folder.name != "calendar":
            raise EwsError("ErrorItemNotFound")
        configuration = markup.m(good, "UserConfiguration")
        named = markup.t(configuration, "UserConfigurationName", Name=name)
        key = mailbox.folder_change_key(folder)
        markup.t(named, "FolderId", Id=folder.id, ChangeKey=key)
        if {"Dictionary", "All"} & set(chosen):
            entry = markup.t(markup.t(configuration, "Dictionary"), "DictionaryEntry")
            _typed(entry, "DictionaryKey", "String", "AutomateProcessing")
            number = _PROCESSING[mailbox.account.processing]
            _typed(entry, "DictionaryValue", "Integer32", str(number))

    return call.answer([write])


_PARTS = ("Id", "Dictionary", "XmlData", "BinaryData", "All")
_PROCESSING = {
    Processing.NONE: 0,
    Processing.AUTO_UPDATE: 1,
    Processing.AUTO_ACCEPT: 2,
}


def _typed(parent: Element, name: str, kind: str, value: str) -> None:
    element = markup.t(parent, name)
    markup.t(element, "Type", kind)
    markup.t(element, "Value", value)
