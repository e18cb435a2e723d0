"""Accounts and mailboxes that are not set up as they should be."""

import json
from http import HTTPStatus
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.sandbox import Account
from pexschedd.sandbox.mailboxes.accounts import AccountsError, read_accounts
from pexschedd.sandbox.signin import callers
from tests.sandbox.sandbox_support import (
    ALICE,
    EQUIPMENT,
    SVC,
    CheckedSandbox,
    find_item,
    text,
)
from tests.sandbox.stream_support import wrapped
from tests.sandbox.test_sandbox_http import basic


def with_account(**changes: Any) -> CheckedSandbox:
    """A service account, and an equipment mailbox like this."""
    return CheckedSandbox(
        accounts=[
            Account(SVC, "Service", "svc", impersonates=(EQUIPMENT,)),
            Account(EQUIPMENT, "Meeting Rooms", "secret", **changes),
            Account(ALICE, "Alice Archer", "alice"),
        ]
    )


@pytest.mark.parametrize(
    ("changes", "signs_in"),
    [({}, True), ({"disabled": True}, False), ({"password_expired": True}, False)],
)
def test_accounts_that_cannot_sign_in(changes: dict[str, Any], signs_in: bool) -> None:
    """With the right password; who may act as them still can, as with resources."""
    sandbox = with_account(**changes)
    header = basic(EQUIPMENT, "secret")["authorization"]
    found = callers.sign_in(sandbox.exchange, header)
    assert (found is not None) == signs_in
    codes = sandbox.codes(SVC, find_item(), acting_as=EQUIPMENT)
    assert codes == ["NoError"]


def test_ews_switched_off() -> None:
    """For the mailbox itself, and for who acts as it; nothing is said about why."""
    sandbox = with_account(ews_enabled=False)
    for who, acting_as in ((EQUIPMENT, None), (SVC, EQUIPMENT)):
        caller = sandbox.exchange.mailbox(who)
        outcome = sandbox.serve(caller, wrapped(find_item(), acting_as))
        assert outcome.answer == (HTTPStatus.FORBIDDEN, b"")
    assert sandbox.codes(ALICE, find_item()) == ["NoError"]


def test_a_narrow_scope() -> None:
    """May act as one, and not as another."""
    sandbox = with_account()
    assert sandbox.codes(SVC, find_item(), acting_as=EQUIPMENT) == ["NoError"]
    code = sandbox.fault(SVC, find_item(), acting_as=ALICE)
    assert code == "ErrorImpersonateUserDenied"


@pytest.mark.parametrize("kind", ["PublicDL", "Contact", "GroupMailbox"])
def test_addresses_without_a_mailbox(kind: str) -> None:
    """The address book knows them; opened they cannot be."""
    sandbox = with_account(mailbox_type=kind)
    resolve = (
        '<m:ResolveNames ReturnFullContactData="true">'
        f"<m:UnresolvedEntry>{EQUIPMENT}</m:UnresolvedEntry></m:ResolveNames>"
    )
    answer = sandbox.ask(SVC, resolve)
    assert text(answer, ".//t:MailboxType") == kind
    assert text(answer, ".//t:Contact/t:DisplayName") == "Meeting Rooms"
    assert not sandbox.wrong
    code = sandbox.fault(SVC, find_item(), acting_as=EQUIPMENT)
    assert code == "ErrorNonExistentMailbox"


def test_a_server_that_does_not_know_its_name(sandbox: CheckedSandbox) -> None:
    """Tokens then point to metadata that are somewhere else."""
    url = "https://internal.invalid/metadata"
    token = sandbox.identity_token(
        ALICE, "https://addin.example", "https://mail.example", metadata_url=url
    )
    claims = jwt.decode(token, options={"verify_signature": False})
    assert url in claims["appctx"]


@given(st.text(max_size=20) | st.sampled_from(["Mailbox", "PublicDL"]))
def test_mailbox_types_are_checked(kind: str) -> None:
    """An accounts file with any other is refused."""
    data = b'[{"address": "a@b.c", "mailbox_type": %s}]'
    known = ("Mailbox", "PublicDL", "Contact", "GroupMailbox")
    given_type = data.replace(b"%s", json.dumps(kind).encode())
    if kind in known:
        assert read_accounts(given_type)[0].mailbox_type == kind
    else:
        with pytest.raises(AccountsError):
            read_accounts(given_type)
