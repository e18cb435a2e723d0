"""The texts an integration starts with: the deployment guide's defaults, to the letter.

Administrators compare them with the guide, so they are not reworded. They are stored
with CRLF between lines, as the management API has always returned them.
"""

_STYLE = (
    "font-size:11.0pt; color:#000000; font-family:Calibri,Arial,Helvetica,sans-serif;"
)


def _text(lines: str) -> str:
    return lines.strip("\n").replace("\n", "\r\n")


def _styled(lines: str) -> str:
    return _text(f'<div style="{_STYLE}">{lines}</div>')


def _inviting(ways: str, end: str) -> str:
    """Joining instructions: what both kinds of rooms say, around `ways` and `end`."""
    link = "https://{{addin_server_domain}}/webapp/#/?conference={{alias}}"
    return f"""<br>
<div style="{_STYLE}">
<b>Please join my Pexip Virtual Meeting Room in one of the following ways:</b><br>
<br>
From a VC endpoint or a Skype/Lync client:<br>
{{{{alias}}}}<br>
<br>
From a web browser:<br>
<a href="{link}">{link}</a><br>
<br>
From a Pexip Infinity Connect client:<br>
pexip://{{{{alias}}}}<br>
<br>
{ways}{end}</div>"""


CONFERENCE_NAME = "{{subject}} ({{organizer_name}})"
CONFERENCE_DESCRIPTION = "Scheduled Conference booked by {{organizer_email}}"
CONFERENCE_SUBJECT = "{{subject}}"
ALIAS_DESCRIPTION = "Scheduled Conference booked by {{organizer_email}}"

JOINING_INSTRUCTIONS = _text(
    _inviting(
        """From a telephone:<br>
[Your number], then {{numeric_alias}} #<br>
<br>
""",
        "{{alias_uuid}}<br>\n",
    )
)

PLACEHOLDER_INSTRUCTIONS = _styled("""
This meeting will be hosted in a Virtual Meeting Room. Joining instructions will be<br>
sent to you soon in a separate email.<br>
""")

ACCEPT_NEW_SINGLE = _styled("""
This meeting has been successfully scheduled using the aliases: \
{{alias}} and {{numeric_alias}}.<br>
""")

ACCEPT_EDITED_SINGLE = _styled("""
This meeting has been successfully rescheduled using the aliases: \
{{alias}} and {{numeric_alias}}.<br>
""")

ACCEPT_NEW_SERIES = _styled("""
This recurring meeting series has been successfully scheduled.<br>
All meetings in this series will use the aliases: \
{{alias}} and {{numeric_alias}}.<br>
""")

ACCEPT_EDITED_OCCURRENCE = _styled("""
This meeting occurrence in a recurring series has been successfully rescheduled \
using the aliases: {{alias}} and {{numeric_alias}}.<br>
""")

ACCEPT_EDITED_SERIES = _styled("""
This recurring meeting series has been successfully rescheduled.<br>
All meetings in this series will use the aliases: \
{{alias}} and {{numeric_alias}}.<br>
""")

REJECT_INVALID_ALIAS_ID = _styled("""
This meeting request does not contain currently valid scheduling data, \
and therefore cannot be processed.<br>
Please use the add-in to create a new meeting request, without editing any of the \
content that is inserted by the add-in.<br>
If this issue continues, please contact your system administrator.<br>
""")

REJECT_ALIAS_CONFLICT = _styled("""
We are unable to schedule this meeting because the alias: {{alias}} is already <br>
in use by another Pexip Virtual Meeting Room. Please try creating a new meeting.<br>
""")

REJECT_ALIAS_DELETED = _styled("""
We are unable to schedule this meeting because its alias has been deleted.<br>
Please try creating a new meeting.<br>
""")

REJECT_SERIES_IN_PAST = _styled("""
This recurring series cannot be scheduled because all<br>
occurrences happen in the past.<br>
""")

REJECT_SINGLE_IN_PAST = _styled("""
This meeting cannot be scheduled because it occurs in the past.<br>
""")

REJECT_GENERAL_ERROR = _styled("""
We are unable to schedule this meeting. Please try creating a new meeting.<br>
If this issue continues, please forward this message to your system administrator, \
including the following ID:<br>
CorrelationID="{{correlation_id}}".<br>
""")

_CHOOSE_ALIAS = """{% if domain_aliases %}
{% set alias = domain_aliases[0] %}
{% elif other_aliases %}
{% set alias = other_aliases[0] %}
{% else %}
{% set alias = numeric_aliases[0] %}
{% endif %}
"""

_CHOOSE_PIN = """{% if (not allow_guests) and pin %}
{% set meeting_pin = pin %}
{% elif allow_guests and guest_pin %}
{% set meeting_pin = guest_pin %}
{% else %}
{% set meeting_pin = "" %}
{% endif %}
"""

PERSONAL_INSTRUCTIONS = _text(
    _CHOOSE_ALIAS
    + _CHOOSE_PIN
    + _inviting(
        """{% if numeric_aliases %}
From a telephone:<br>
[Your number], then {{numeric_aliases[0]}} #<br>
<br>
{% endif %}
""",
        """{% if meeting_pin %}
Please join using the PIN <b>{{meeting_pin}}</b><br>
<br>
{% endif %}
""",
    )
)

PERSONAL_LOCATION = _text(
    _CHOOSE_ALIAS + "https://{{addin_server_domain}}/webapp/#/?conference={{alias}}"
)
PERSONAL_NAME = "{{name}}"
PERSONAL_DESCRIPTION = "{{description}}"

PANE_ALREADY_VIDEO = (
    "It looks like this meeting has already been set up to be hosted in a Virtual "
    "Meeting Room. If this is a new meeting, select Send to schedule the conference."
)
PANE_ERROR_INSERTING = (
    "There was a problem adding the joining instructions. Please try again."
)
PANE_ERROR_GETTING_ROOMS = (
    "There was a problem getting your personal VMRs. Please try again."
)
PANE_ERROR_SIGNING_IN = "There was a problem signing you in. Please try again."
PANE_UNAVAILABLE = (
    "Sorry, we are unable to assign a Virtual Meeting Room at this time. Select Send "
    "to schedule the meeting, and all attendees will be sent joining instructions "
    "later."
)
PANE_SUCCESS = (
    "This meeting is now set up to be hosted as an audio or video conference in a "
    "Virtual Meeting Room. Please note this conference is not scheduled until you "
    "select Send."
)
SUPERTIP = (
    "Turns this meeting into an audio or video conference hosted in a Pexip VMR. The "
    "meeting is not scheduled until you select Send."
)
COMMAND_SUPERTIP = (
    "Adds a Pexip VMR to this meeting with one click. The meeting is not scheduled "
    "until you select Send."
)
