"""The calls to Exchange Web Services that only the doctor makes.

Functions named after an operation build its request; `read_...` parse a response and
raise `ServerError` or `NotSoap`, which `call` turns into a `CallResult`.
"""

from collections.abc import Callable
from typing import Any

from pexschedd.doctor.observations import CallResult, HttpResult, ResolvedAddress
from pexschedd.errors import MailboxError
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import Poster
from pexschedd.ews.envelope import (
    Element,
    NotSoap,
    ServerError,
    Sid,
    child,
    children,
    local_name,
    m,
    only_result,
    parse,
    request,
    t,
    text,
)
from pexschedd.ews.operations.parts import CALENDAR, INBOX, folder
from pexschedd.net.errors import ConnectionFailure, clause


async def call(
    poster: Poster,
    url: str,
    mailbox: str,
    body: bytes,
    read: Callable[[bytes], Any],
) -> CallResult:
    """Make a call that changes nothing, and return its result, good or bad.

    `read` parses the body of a good response.
    """
    try:
        response = await poster.post(body, mailbox=mailbox, repeatable=True)
    except ConnectionFailure as trouble:
        return CallResult(
            HttpResult(url, failure=trouble.kind, problem=clause(trouble)),
            no_soap="there was no answer",
        )
    except MailboxError as error:
        return CallResult(HttpResult(url), refused=error.code, refusal=error.message)
    return parse_response(url, response, read)


def parse_response(
    url: str, response: HttpResponse, read: Callable[[bytes], Any]
) -> CallResult:
    """Return the result that an HTTP response stands for. Pure."""
    answered = HttpResult(url, response.status, dict(response.headers))
    if response.status not in (200, 500):
        return CallResult(answered, no_soap=f"it is HTTP status {response.status}")
    try:
        return CallResult(answered, result=read(response.body))
    except ServerError as error:
        problem = error.problem
        return CallResult(
            answered,
            code=problem.code,
            text=problem.text,
            back_off=problem.back_off,
        )
    except NotSoap as error:
        return CallResult(answered, no_soap=str(error))


def open_folder(mailbox: str, *, sid: Sid = Sid.PRIMARY, name: str = INBOX) -> bytes:
    """GetFolder: open a distinguished folder of `mailbox`."""
    return request(
        m(
            "GetFolder",
            m("FolderShape", t("BaseShape", "IdOnly")),
            m("FolderIds", folder(name)),
        ),
        mailbox,
        sid,
    )


def read_opened(data: bytes) -> None:
    """Parse the response to `open_folder`, which holds nothing of interest."""
    only_result(parse(data))


def resolve_names(mailbox: str) -> bytes:
    """ResolveNames: look an address up in the directory."""
    return request(
        m(
            "ResolveNames",
            m("UnresolvedEntry", f"smtp:{mailbox}"),
            ReturnFullContactData="true",
            SearchScope="ActiveDirectory",
        ),
        mailbox,
    )


def read_resolved(data: bytes) -> list[ResolvedAddress]:
    """Parse the response to `resolve_names`; several entries are a good response."""
    response = parse(data)
    messages = children(child(response, "ResponseMessages"))
    message = next(messages, None)
    if message is None or message.get("ResponseClass") == "Error":
        only_result(response)  # raises with the server's reason
    found = child(message, "ResolutionSet")
    return [_resolved(each) for each in children(found, "Resolution")]


def _resolved(resolution: Element) -> ResolvedAddress:
    return ResolvedAddress(
        text(resolution, "Mailbox", "EmailAddress").strip(),
        name=text(resolution, "Mailbox", "Name").strip(),
        mailbox_type=text(resolution, "Mailbox", "MailboxType").strip(),
    )


def processing(mailbox: str) -> bytes:
    """GetUserConfiguration: read the calendar's processing settings."""
    return request(
        m(
            "GetUserConfiguration",
            m("UserConfigurationName", folder(CALENDAR), Name="Calendar"),
            m("UserConfigurationProperties", "Dictionary"),
        ),
        mailbox,
    )


_PROCESSING = {"0": "None", "1": "AutoUpdate", "2": "AutoAccept"}


def read_processing(data: bytes) -> str:
    """Parse the response to `processing` and return AutomateProcessing.

    That is None, AutoUpdate, AutoAccept or an unknown value; empty if the entry, which
    Microsoft does not document, is missing.
    """
    dictionary = child(only_result(parse(data)), "UserConfiguration", "Dictionary")
    for entry in children(dictionary, "DictionaryEntry"):
        if text(entry, "DictionaryKey", "Value").strip() == "AutomateProcessing":
            value = text(entry, "DictionaryValue", "Value").strip()
            return _PROCESSING.get(value, value[:40])
    return ""


def subscribe(mailbox: str) -> bytes:
    """Subscribe: a streaming subscription, which expires by itself when unused."""
    return request(
        m(
            "Subscribe",
            m(
                "StreamingSubscriptionRequest",
                t("FolderIds", folder(INBOX)),
                t("EventTypes", t("EventType", "NewMailEvent")),
            ),
        ),
        mailbox,
    )


def read_subscribed(data: bytes) -> str:
    """Parse the response to `subscribe` and return the subscription's id."""
    return text(only_result(parse(data)), "SubscriptionId").strip()


def unsubscribe(mailbox: str, subscription: str) -> bytes:
    """Unsubscribe: give a subscription back."""
    return request(m("Unsubscribe", m("SubscriptionId", subscription)), mailbox)


def read_unsubscribed(data: bytes) -> None:
    """Parse the response to `unsubscribe`, whose result does not matter."""
    local_name(parse(data))
