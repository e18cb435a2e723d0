"""The words of the demo's integration."""

import re

from pexschedd.demo import integration_setup
from pexschedd.demo.ports import Ports
from pexschedd.demo.texts import mail_texts, pane_texts

PORTS = Ports.starting_at(9000)
WORDS = re.compile(r"\bVMR|virtual|pexip|\[Your", re.IGNORECASE)


def test_one_name_for_one_thing() -> None:
    """What people read has none of the other names of a video room, and nothing that is
    to be filled in."""
    fields = integration_setup.integration(PORTS)
    names = (
        *("addin_", "meeting_", "placeholder_", "accept_", "reject_"),
        *("personal_vmr_instructions", "personal_vmr_location"),
    )
    texts = {
        name: value
        for name, value in fields.items()
        if name.startswith((*names, "room_mailbox_name"))
    }
    assert len(texts) > 20
    assert {name for name, text in texts.items() if WORDS.search(str(text))} == set()


def test_texts_of_both_kinds_of_rooms() -> None:
    """The words of the pane on a room that was added are true of a personal one, too,
    which nothing reserves."""
    texts = pane_texts()
    for name in ("success_message", "already_video_meeting_message"):
        assert "reserve" not in texts[f"addin_pane_{name}"]


def test_join_links_lead_to_the_desk() -> None:
    """The link of an invitation is a page of the desk, not a port that is closed."""
    instructions = mail_texts(PORTS.desk_url)["meeting_instructions_template"]
    links = set(re.findall(r'href="([^"]+)"', instructions))
    assert links == {f"{PORTS.desk_url}/desk/join?room={{{{numeric_alias}}}}"}


def test_texts_follow_the_ports() -> None:
    """When the demo gets other ports the links go along; what an administrator has
    written stays."""
    row = {
        **integration_setup.integration(PORTS),
        "accept_new_single_meeting_template": "<p>Ours</p>",
    }
    moved = integration_setup.moved_texts(row, Ports.starting_at(9100))
    assert moved == {
        name: row[name].replace(PORTS.desk_url, "http://127.0.0.1:9102")
        for name in (
            "meeting_instructions_template",
            "personal_vmr_instructions_template",
        )
    }
