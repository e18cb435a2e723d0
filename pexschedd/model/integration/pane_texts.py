"""The pane's own words in English, and the translations of all texts of the pane.
Pure.

The administrator's texts are fields of their own. What the pane says beside them, it
says in the language of the user's Outlook: `web/static/pane-words-*.js` are the
translations of `ENGLISH` that come with it. Every word can be changed for every
language, and the administrator's texts can be translated, by lines of one setting such
as `de close = Schließen`.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from pexschedd.model.blank_text import is_blank

MOST_CHARACTERS = 500
"""Characters of one text."""

ENGLISH: Mapping[str, str] = {
    # steps
    "loading": "Loading…",
    "looking": "Looking at the meeting…",
    "signingYouIn": "Signing you in…",
    "gettingRoom": "Getting a room…",
    "gettingRooms": "Getting your rooms…",
    "addingText": "Adding the joining instructions…",
    "addingPlaceholder": "Adding a placeholder…",
    "invitingRoom": "Inviting the room…",
    "addingLocation": "Adding the location…",
    "removing": "Removing the room…",
    "signingOut": "Signing you out…",
    "waitingStep": "Waiting for your sign-in…",
    "slow": "This takes longer than usual.",
    # buttons
    "close": "Close",
    "remove": "Remove from this meeting",
    "replace": "Use a new room",
    "repair": "Add what is missing",
    "upgrade": "Get the room now",
    "retry": "Try again",
    "lookAgain": "Look again",
    "back": "Back",
    "cancel": "Cancel",
    "startAgain": "Start again without a window",
    "signInHere": "Sign in on this page",
    "signOut": "Sign out",
    "copy": "Copy details",
    "copied": "Copied",
    # labels
    "reference": "Reference",
    "debugLog": "Debug log",
    "search": "Search your rooms",
    "roomFound": "1 room",
    "roomsFound": "{count} rooms",
    "roomUnusable": "This room cannot be used for a meeting.",
    "roomNoAlias": "This room has no alias, so nobody could join it. Ask your "
    "administrator.",
    "roomWrongAliases": "The joining instructions need an alias of another kind than "
    "{aliases}. Ask your administrator.",
    "roomNoText": "There are no joining instructions for this room. Ask your "
    "administrator.",
    "forWhom": "For the calendar of {owner}",
    "asWhom": "Signed in as {user}",
    # cards
    "libraryHeading": "The pane cannot start",
    "libraryMessage": "Outlook’s add-in library could not be loaded. Check your "
    "connection, then close this pane and open it again.",
    "notInOutlookHeading": "Open this pane in Outlook",
    "notInOutlookMessage": "It adds a video meeting room to a meeting that you write "
    "in Outlook.",
    "notWritingHeading": "Open a meeting first",
    "notWritingMessage": "A room can be added while you write or edit a meeting of "
    "your own.",
    "tooOldHeading": "This Outlook is too old",
    "tooOldMessage": "It cannot add a room to a meeting. Use a newer Outlook, or "
    "Outlook on the web.",
    "noAttendeesHeading": "The room cannot be invited here",
    "noAttendeesMessage": "This meeting was made from a message, and Outlook lets "
    "nobody be invited from here. Save the meeting and close it, open it from your "
    "calendar, and add the room then.",
    "nothingOfferedHeading": "No rooms to add",
    "nothingOfferedMessage": "Rooms for meetings are switched off. Ask your "
    "administrator.",
    "unreadableHeading": "The meeting could not be read",
    "unreadableMessage": "Outlook does not say what is in this meeting, so nothing is "
    "added: it might be there already.",
    "signInHeading": "Sign in to see your rooms",
    "signInMessage": "A window opens for that. You need to do this once.",
    "waitingForSignInHeading": "Sign in in the other window",
    "waitingForSignInMessage": "This pane goes on as soon as you have signed in.",
    "roomMissingHeading": "The room is not invited",
    "roomMissingMessage": "The joining instructions are in this meeting, but {room} is "
    "not among the attendees. Without it the room does not open.",
    "roomMissingWaitingHeading": "The room is not invited",
    "roomMissingWaitingMessage": "This meeting waits for its joining instructions, but "
    "{room} is not among the attendees. Without it they are never sent.",
    "textMissingHeading": "The joining instructions are missing",
    "textMissingMessage": "{room} is among the attendees, but this meeting has no "
    "joining instructions. Without them the meeting is declined.",
    "foreignHeading": "These joining instructions do not fit",
    "anotherTag": "The joining instructions in this meeting belong to another meeting. "
    "This one would be declined.",
    "spentTag": "The joining instructions in this meeting are of a meeting that is "
    "over or was cancelled. This one would be declined.",
    "expiredTag": "The room in this meeting was kept for too long without being used, "
    "or was deleted. The meeting would be declined.",
    "unknownTag": "The joining instructions in this meeting are not known here. The "
    "meeting would be declined.",
    "expiredHeading": "This meeting has waited too long",
    "expiredMessage": "Its joining instructions cannot be sent any more. Get the room "
    "now, before you select Send.",
    "removedHeading": "The room was removed",
    "removedMessage": "If you have sent this meeting before, send the update now: "
    "until then, its attendees still see the room.",
    "goneHeading": "This meeting has no room any more",
    "goneMessage": "The joining instructions and the room are gone from it.",
    "teamsHeading": "This is a Teams meeting already",
    "teamsMessage": "With a room beside it, people would meet in two places. Remove "
    "one of the two before you select Send.",
    # notes
    "teamsToo": "There is a Teams link in this meeting, too. Remove one of the two "
    "before you select Send.",
    "oldTextLeft": "Parts of the earlier joining instructions may be left in the "
    "meeting. Please delete them yourself.",
    "inviteYourself": "You can invite it yourself: {email}",
    "unchecked": "It could not be checked whether these joining instructions belong to "
    "this meeting. If you have copied them from another one, use a new room.",
    "occurrence": "This is one meeting of a series. For another room, open the whole "
    "series and change it there.",
    "occurrenceText": "This is one meeting of a series. Copy the joining instructions "
    "from the series into it, with the code at their end, or remove the room.",
    "upgraded": "The room has taken the place of the placeholder. Select Send, also if "
    "you have sent this meeting before.",
    "renewed": "The code below the placeholder was too old to be sent, and has been "
    "renewed. Select Send, also if you have sent this meeting before.",
    "leavePlaceholder": "Leave the placeholder and the code below it in the meeting: "
    "the joining instructions will take their place.",
    "windowClosed": "The window seems to be closed. If it is not, go on there. Else "
    "start again.",
    "windowBlocked": "No window could be opened. Use this link instead; the pane "
    "waits.",
    "addedNotice": "A room was added. The meeting is not scheduled until you select "
    "Send.",
    "alreadyNotice": "This meeting has a room already.",
    "waitsNotice": "No room could be had right now. Select Send all the same: the "
    "joining instructions follow later.",
    "openPane": "Open the pane for more.",
    # problems
    "noUseTrying": "Trying again will not help. Tell your administrator what stands "
    "below.",
    "removeFailed": "Not everything could be removed. Please try again.",
    "officeSilent": "Outlook does not answer ({call}).",
    "officeRefused": "Outlook refused ({call}).",
    "officeLost": "Outlook does not show what was added.",
    "outlookSilent": "Outlook does not answer.",
    "cannotLoad": "Cannot load {url}",
    "noAnswerFrom": "No answer from {url}",
    "unreachable": "The server cannot be reached.",
    "serverSilent": "The server does not answer.",
    "notOurServer": "Something else answers instead of the server. Does your network "
    "want you to sign in first?",
    "httpStatus": "The server answered with HTTP status {status}.",
    "oddAnswer": "The server’s answer makes no sense.",
    "signInTooLate": "The sign-in took too long.",
    "noExchangeToken": "Exchange does not give this mailbox an identity token "
    "({code}).",
    "noToken": "Outlook could not sign you in: {reason}",
    "noMsal": "Microsoft’s sign-in library could not be loaded.",
    "noNested": "This Outlook cannot sign you in to Microsoft 365. Use a newer "
    "Outlook, or Outlook on the web.",
    # the server's reasons: see `reason_word`
    "reasonSignInFailed": "The sign-in could not be completed. If that goes on, tell "
    "your administrator.",
    "reasonSignInNotSetUp": "The sign-in is not set up. An administrator has to see to "
    "it.",
    "reasonSignInOver": "This sign-in is not valid any more: it can be used once, "
    "within ten minutes.",
    "reasonSignInDeclined": "The sign-in was declined, or you may not use this "
    "application.",
    "reasonProviderUnreachable": "The sign-in service does not answer. Try again in a "
    "minute.",
    "reasonProviderRefuses": "The sign-in service refused this sign-in. An "
    "administrator has to see to it.",
    "reasonCodeRefused": "The sign-in service does not accept this sign-in any more. "
    "Sign in again.",
    "reasonAnotherProvider": "The answer did not come from the sign-in service that "
    "was asked.",
    "reasonUserTokenRefused": "What the sign-in service said could not be verified.",
    "reasonEmailMissing": "The sign-in service did not say your e-mail address. An "
    "administrator has to see to it.",
    "reasonEmailUnusable": "Your e-mail address cannot be used here. An administrator "
    "has to see to it.",
    "reasonUnknownUser": "There is no user record with the address that you signed in "
    "with, and new users are not allowed. An administrator can add you.",
    "reasonUserElsewhere": "You cannot be signed in here. An administrator has to see "
    "to it.",
    "reasonTooManyRequests": "Too many requests in a short time. Wait a minute, then "
    "try again.",
    "reasonPersonalRoomsOff": "Personal rooms are switched off. Ask your "
    "administrator.",
    "reasonStoreFull": "The server’s disk is nearly full. Its administrators have been "
    "alerted.",
    # the windows of the sign-in
    "windowAskTitle": "Sign in to {title}",
    "windowAskHeading": "Sign in for Outlook?",
    "windowAskMessage": "You are about to sign in to {title} at {provider}.",
    "windowAskWarning": "Continue only if you have just selected the sign-in button in "
    "Outlook yourself. If this address was sent to you, close the window: somebody "
    "else would be signed in as you.",
    "windowAskButton": "Continue",
    "windowDoneHeading": "Signed in",
    "windowDoneMessage": "You are signed in as {user}. You can close this window and "
    "go back to Outlook.",
    "windowOtherHeading": "Not you?",
    "windowOtherMessage": "Select Sign out in Outlook’s pane. Then sign out at the "
    "page where you have just signed in, or let your browser forget it, and sign in "
    "once more with your own account.",
    "windowFailedHeading": "Not signed in",
    "windowFailedAgain": "Close this window and go back to Outlook to try again.",
    "windowFailedBack": "Close this window and go back to Outlook.",
    "reasonForbidden": "A page of another site has sent this request.",
}
"""The pane's own words by their names; `{...}` is filled in by the pane."""

THEIRS = frozenset(
    "addin_pane_" + name
    for name in [
        "title",
        "description",
        "button_title",
        "success_heading",
        "success_message",
        "already_video_meeting_heading",
        "already_video_meeting_message",
        "management_node_down_heading",
        "management_node_down_message",
        "general_error_heading",
        "general_error_message",
        "personal_vmr_add_button",
        "personal_vmr_sign_in_button",
        "personal_vmr_select_message",
        "personal_vmr_none_message",
        "personal_vmr_error_getting_message",
        "personal_vmr_error_signing_in_message",
        "personal_vmr_error_inserting_meeting_message",
    ]
)
"""The fields with the administrator's texts (HTML), which can be translated too."""

_LINE = re.compile(r"(\S+)\s+(\w+)\s*=\s*(.*)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE)
_FILLED = re.compile(r"\{(\w+)\}")


class PaneTranslation(msgspec.Struct, frozen=True):
    """One text of the pane in one language."""

    language: str
    """In lower case, such as de or pt-br."""
    name: str
    text: str


def pane_translations(value: str) -> str | None:
    """Check a list of translations, one a line; see `fields.Check`."""
    seen = set()
    for number, line in enumerate(value.splitlines(), 1):
        if not line.strip():
            continue
        problem = _problem(line)
        if problem is None:
            one = _parsed(line)
            key = one.language, one.name
            problem = f"{key[0]} {key[1]} is there twice." if key in seen else None
            seen.add(key)
        if problem is not None:
            return f"Line {number}: {problem}"
    return None


def translations(value: str) -> Iterator[PaneTranslation]:
    """Yield the translations of a list that `pane_translations` accepts."""
    for line in value.splitlines():
        if line.strip() and _problem(line) is None:
            yield _parsed(line)


def reason_word(code: str) -> str:
    """Return the name of the word for an error's `code`; it need not be in `ENGLISH`,
    which only has those of errors that users see often."""
    return "reason" + "".join(part.capitalize() for part in code.split("_"))


def filled_in(text: str) -> frozenset[str]:
    """Return the names in braces: what the pane fills in."""
    return frozenset(_FILLED.findall(text))


def _problem(line: str) -> str | None:
    if _LINE.fullmatch(line.strip()) is None:
        return "A line is like this: de close = Schließen."
    one = _parsed(line)
    if not _LANGUAGE.fullmatch(one.language):
        return f"{one.language!r} is not a language such as de or pt-BR."
    if one.name not in ENGLISH and one.name not in THEIRS:
        return f"{one.name!r} is none of {', '.join([*ENGLISH, *sorted(THEIRS)])}."
    if is_blank(one.text):
        return "The text is empty."
    if len(one.text) > MOST_CHARACTERS:
        return f"The text has more than {MOST_CHARACTERS} characters."
    known = filled_in(ENGLISH.get(one.name, ""))
    unknown = filled_in(one.text) - known if one.name in ENGLISH else frozenset()
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in sorted(known)) or "nothing"
        return f"The pane fills in {names} here, not {{{min(unknown)}}}."
    return None


def _parsed(line: str) -> PaneTranslation:
    match = _LINE.fullmatch(line.strip())
    assert match is not None  # noqa: S101 - checked before
    language, name, text = match.groups()
    return PaneTranslation(language.lower(), name, text)
