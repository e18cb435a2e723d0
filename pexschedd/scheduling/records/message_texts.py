"""The integration's templates, filled in."""

import msgspec

from pexschedd.bodies import tags
from pexschedd.errors import TemplateError
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.templates.engine import Templates, format_time


class MessageTexts:
    """Joining instructions and answers, in HTML.

    All but `general_error` raise `TemplateError` when the template fails.
    """

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def instructions(self, connector: Connector, alias: ScheduledAlias) -> str:
        """The joining instructions for an invitation, with the alias's tag."""
        return self._templates.render(
            connector.meeting_instructions_template,
            {
                "addin_server_domain": connector.addin_server_domain,
                "alias": alias.alias,
                "numeric_alias": alias.numeric_alias,
                "alias_uuid": tags.make_pxps(alias.uuid),
            },
        )

    def placeholder(self, connector: Connector) -> str:
        """The placeholder in an invitation that has no joining instructions yet."""
        return self._templates.render(connector.placeholder_instructions_template, {})

    def answer(
        self,
        connector: Connector,
        template: AnswerTemplate,
        message: MeetingMessage,
        alias: ScheduledAlias | None,
    ) -> str:
        """The answer by a template that may name the alias and the meeting's times.

        Times are given in the meeting's own zone.
        """
        values: dict[str, object] = {
            "alias": alias.alias if alias else "",
            "numeric_alias": alias.numeric_alias if alias else "",
        }
        if message.start and message.end:
            values["start_time"] = format_time(message.start, message.zone)
            values["end_time"] = format_time(message.end, message.zone)
        return self._templates.render(getattr(connector, template), values)

    def plain_answer(self, connector: Connector, template: AnswerTemplate) -> str:
        """The answer by a template that names neither an alias nor times."""
        return self._templates.render(getattr(connector, template), {})

    def general_error(self, connector: Connector, correlation_id: str) -> str:
        """The text for an internal error.

        It never fails: without a working template it is a sentence of our own.
        """
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
        """The texts of the fields of the integration's rooms."""
        return TemplatedRoomTexts(self._templates, connector)


class TemplatedRoomTexts(msgspec.Struct, frozen=True):
    """The texts of a room's fields, from the integration's templates; see `RoomTexts`.

    Plain text of at most 250 characters.
    """

    templates: Templates
    connector: Connector

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The conference's name."""
        return self._plain(self.connector.conference_name_template, message, alias)

    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The conference's description."""
        template = self.connector.conference_description_template
        return self._plain(template, message, alias)

    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The subject of the scheduled meeting."""
        return self._plain(self.connector.conference_subject_template, message, alias)

    def alias_description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The description of the conference's aliases."""
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
