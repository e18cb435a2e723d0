"""GetUserConfiguration: what Exchange does by itself with a mailbox's requests."""

from pexschedd.ews.envelope import child, children, m, only_result, parse, request, text
from pexschedd.ews.operations.parts import CALENDAR, folder

_ANSWERS = {"0": False, "1": False, "2": True}
_ANSWERS |= {"none": False, "autoupdate": False, "autoaccept": True}
"""AutoUpdate only notes the meeting in the calendar; the request waits for its
answer."""


def build_get_processing(mailbox: str) -> bytes:
    """Build a GetUserConfiguration for the calendar's processing settings."""
    operation = m(
        "GetUserConfiguration",
        m("UserConfigurationName", folder(CALENDAR), Name="Calendar"),
        m("UserConfigurationProperties", "Dictionary"),
    )
    return request(operation, mailbox)


def parse_processing(data: bytes) -> bool | None:
    """Return whether Exchange answers requests by itself; None if that cannot be told.
    The entry is undocumented and may be missing or unknown."""
    dictionary = child(only_result(parse(data)), "UserConfiguration", "Dictionary")
    for entry in children(dictionary, "DictionaryEntry"):
        if text(entry, "DictionaryKey", "Value").strip() == "AutomateProcessing":
            value = text(entry, "DictionaryValue", "Value").strip().lower()
            return _ANSWERS.get(value)
    return None
