"""The words of the demo's integration: what people see, with one name for one thing.

An integration begins with the deployment guide's texts, which wait for somebody to fill
them in. These are what a company would put there: the thing is a *video room* from the
ribbon to the answer in the inbox.
"""

from typing import Any

ROOM_NAME = "Video room"
_STYLE = "font-size:11.0pt; font-family:Calibri,Arial,Helvetica,sans-serif;"


def pane_texts() -> dict[str, Any]:
    """Return the fields of the integration with the texts of ribbon and pane."""
    return {
        "addin_provider_name": "Northwind IT",
        "addin_display_name": ROOM_NAME,
        "addin_description": "Adds a video room to a meeting.",
        "addin_group_label": "Meet online",
        "addin_button_label": ROOM_NAME,
        "addin_supertip_title": ROOM_NAME,
        "addin_supertip_description": "Adds a video room to this meeting. It opens "
        "half an hour before the meeting begins.",
        "addin_pane_title": ROOM_NAME,
        "addin_pane_description": "A room for this meeting alone, or one of your own. "
        "Guests join from a browser, a meeting room or a telephone.",
        "addin_pane_button_title": "Add a video room",
        "addin_pane_success_heading": "The video room is added",
        "addin_pane_success_message": "Press <b>Send</b> to invite everybody to it.",
        "addin_pane_already_video_meeting_heading": "This meeting has a video room",
        "addin_pane_already_video_meeting_message": "If the meeting is new, press "
        "<b>Send</b> to invite everybody to it.",
        "addin_pane_management_node_down_heading": "The video room comes later",
        "addin_pane_management_node_down_message": "Rooms cannot be assigned right "
        "now. Press <b>Send</b> all the same: everybody gets the joining instructions "
        "as soon as there is one.",
        "addin_pane_general_error_heading": "That did not work",
        "addin_pane_general_error_message": "The video room could not be added.",
    }


def mail_texts(desk_url: str) -> dict[str, Any]:
    """Return the fields of the integration with the texts that are mailed.

    The join link leads to the desk's own page, see `desk.Desk.join`.
    """
    link = f"{desk_url}/desk/join?room={{{{numeric_alias}}}}"
    return {
        "meeting_instructions_template": f"""<br>
<div style="{_STYLE}">
<b>Join the video room</b><br>
<a href="{link}">{link}</a><br>
<br>
From a meeting room: {{{{alias}}}}<br>
By telephone: +44 20 7946 0123, then {{{{numeric_alias}}}} and #<br>
<br>
<span style="font-size:8.0pt; color:#767676;">{{{{alias_uuid}}}}</span><br>
</div>""",
        "placeholder_instructions_template": _styled(
            "This meeting will have a video room. How to join it follows in a separate "
            "message."
        ),
        "accept_new_single_meeting_template": _styled(
            "The video room is reserved: {{numeric_alias}}."
        ),
        "accept_edited_single_meeting_template": _styled(
            "The video room is reserved for the changed meeting: {{numeric_alias}}."
        ),
        "accept_new_recurring_series_template": _styled(
            "The video room is reserved for every meeting of the series: "
            "{{numeric_alias}}."
        ),
        "accept_edited_recurring_series_template": _styled(
            "The video room is reserved for every meeting of the changed series: "
            "{{numeric_alias}}."
        ),
        "accept_edited_occurrence_template": _styled(
            "The video room is reserved for the changed meeting of the series: "
            "{{numeric_alias}}."
        ),
        "reject_invalid_alias_id_template": _styled(
            "The invitation has no video room. Open the meeting, add one with the "
            f"button {ROOM_NAME} in the ribbon, and send the update."
        ),
    }


def personal_pane_texts() -> dict[str, Any]:
    """Return the fields of the integration with the pane's texts on personal rooms."""
    return {
        "addin_pane_personal_vmr_add_button": "Use a room of your own",
        "addin_pane_personal_vmr_sign_in_button": "Sign in",
        "addin_pane_personal_vmr_select_message": "Select the room for this meeting",
        "addin_pane_personal_vmr_none_message": "You have no room of your own",
        "addin_pane_personal_vmr_error_getting_message": "Your rooms could not be "
        "found.",
        "addin_pane_personal_vmr_error_signing_in_message": "You could not be signed "
        "in.",
        "addin_pane_personal_vmr_error_inserting_meeting_message": "The room could "
        "not be added.",
    }


def personal_mail_texts(desk_url: str) -> dict[str, Any]:
    """Return the fields of the integration with what a personal room puts into a
    meeting."""
    alias = "{% set alias = (domain_aliases + other_aliases + numeric_aliases)[0] %}"
    link = f"{desk_url}/desk/join?room={{{{alias}}}}"
    return {
        "personal_vmr_instructions_template": f"""{alias}
<div style="{_STYLE}">
<b>Join in {{{{name}}}}</b><br>
<a href="{link}">{link}</a><br>
<br>
From a meeting room: {{{{alias}}}}<br>
{{% if numeric_aliases %}}
By telephone: +44 20 7946 0123, then {{{{numeric_aliases[0]}}}} and #<br>
{{% endif %}}
{{% if pin %}}The PIN is <b>{{{{pin}}}}</b>.<br>{{% endif %}}
</div>""",
        "personal_vmr_location_template": "{{name}}",
    }


def _styled(text: str) -> str:
    return f'<div style="{_STYLE}">{text}</div>'
