"""Impersonation and access to folders of others."""

from pexschedd.sandbox import Account
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    INBOX,
    SVC,
    CheckedSandbox,
    get_folder,
)


def connecting(kind: str, name: str) -> str:
    return (
        f"<t:ExchangeImpersonation><t:ConnectingSID><t:{kind}>{name}</t:{kind}>"
        "</t:ConnectingSID></t:ExchangeImpersonation>"
    )


def test_impersonation_and_its_denials() -> None:
    """The right to act as somebody, and the names that lead to a mailbox."""
    accounts = [
        Account(ALICE, "Alice", "a", aliases=("al@example.test",)),
        Account(SVC, "Service", "s", impersonates=("*",)),
        Account(BOB, "Bob", "b", open_to=(SVC,)),
    ]
    sandbox = CheckedSandbox(accounts=accounts)
    request = get_folder(INBOX)
    cases = [
        (SVC, "SmtpAddress", "al@example.test", None),
        (SVC, "PrincipalName", ALICE, None),
        (SVC, "PrimarySmtpAddress", ALICE.upper(), None),
        (SVC, "PrimarySmtpAddress", "al@example.test", "ErrorNonPrimarySmtpAddress"),
        (SVC, "SmtpAddress", "nobody@example.test", "ErrorNonExistentMailbox"),
        (ALICE, "SmtpAddress", BOB, "ErrorImpersonateUserDenied"),
        (ALICE, "SmtpAddress", ALICE, None),
    ]
    for who, kind, name, code in cases:
        header = connecting(kind, name)
        if code is None:
            assert sandbox.codes(who, request, header=header) == ["NoError"]
        else:
            assert sandbox.fault(who, request, header=header) == code

    def inbox_of(address: str) -> str:
        return (
            '<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>'
            f"{address}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"
        )

    assert sandbox.codes(SVC, get_folder(inbox_of(BOB), inbox_of(ALICE))) == [
        "NoError",
        "ErrorAccessDenied",
    ]
    assert not sandbox.wrong
