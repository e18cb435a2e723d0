"""The integration's templates, filled in."""

import msgspec

from pexschedd.bodies import tags
from pexschedd.errors import TemplateError
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.decisions.aliases import AliasPair
from pexschedd.scheduling.decisions.decision import Text
from pexschedd.templates.engine import Templates, format_time


class MessageTexts:
    """Joining instructions and answers, in HTML."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def instructions(self, connector: Connector, pair: AliasPair, uuid: str) -> str:
        return self._templates.render(
            connector.meeting_instructions_template,
            {
                "addin_server_domain": connector.addin_server_domain,
                "alias": pair.full,
                "numeric_alias": pair.numeric,
                "alias_uuid": tags.make_pxps(uuid),
            },
        )

    def placeholder(self, connector: Connector) -> str:
        """What stands in an invitation until it gets its joining instructions."""
        return self._templates.render(connector.placeholder_instructions_template, {})

    def answer(
        self,
        connector: Connector,
        text: Text,
        message: MeetingMessage,
        alias: ScheduledAlias | None,
    ) -> str:
        values: dict[str, object] = {
            "alias": alias.alias if alias else "",
            "numeric_alias": alias.numeric_alias if alias else "",
        }
        if message.start and message.end:
            values["start_time"] = format_time(message.start, message.zone)
            values["end_time"] = format_time(message.end, message.zone)
        return self._templates.render(getattr(connector, text), values)

    def plain_answer(self, connector: Connector, text: Text) -> str:
        """A text that names neither alias nor times."""
        return self._templates.render(getattr(connector, text), {})

    def general_error(self, connector: Connector, correlation_id: str) -> str:
        """Never fails: the last resort must not need the administrator's template."""
        try:
            return self._templates.render(
                connector.reject_general_error_template,
                {"correlation_id": correlation_id},
            )
        except TemplateError:
            return (
                "<p>We are unable to schedule this meeting.<br>"
                f'CorrelationID="{correlation_id}"</p>'
            )

    def of_room(self, connector: Connector) -> "TemplatedRoomTexts":
        return TemplatedRoomTexts(self._templates, connector)


class TemplatedRoomTexts(msgspec.Struct, frozen=True):
    """What a room is called: plain text, bounded as its field is."""

    templates: Templates
    connector: Connector

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return self._plain(self.connector.conference_name_template, message, alias)

    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        template = self.connector.conference_description_template
        return self._plain(template, message, alias)

    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return self._plain(self.connector.conference_subject_template, message, alias)

    def alias_description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        template = self.connector.scheduled_alias_description_template
        return self._plain(template, message, alias)

    def _plain(
        self, template: str, message: MeetingMessage, alias: ScheduledAlias
    ) -> str:
        return self.templates.render(
            template,
            {
                "subject": message.subject,
                "organizer_name": message.organizer.name,
                "organizer_email": message.organizer.email,
                "alias": alias.alias,
                "numeric_alias": alias.numeric_alias,
            },
            html=False,
            max_length=250,
        )
