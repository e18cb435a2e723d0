"""The integration's templates, filled in."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import fields
from twisted.logger import Logger

from pexschedd.bodies import tags
from pexschedd.errors import MissingValue, TemplateError
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.templates.engine import Templates, format_time
from pexschedd.templates.link_values import with_encoded_links

_DEFAULTS = {field.name: field.default for field in fields(Connector)}
_MOST_REPORTED = 1_000
"""Failing templates that are remembered as reported."""

_LONGEST_LOCATION = 255
"""Characters of a location (Office.js, `Location.setAsync`)."""


class MessageTexts:
    """Joining instructions and answers, in HTML.

    None of them fails: the default text stands in for a template that does, and the
    log says so once.
    """

    _log = Logger()

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._reported: set[tuple[int, str, str]] = set()

    def fill_in(
        self,
        connector: Connector,
        field: str,
        values: Mapping[str, object],
        **options: Any,
    ) -> str:
        """Render the template in one of the integration's fields; see
        `Templates.render`, whose `MissingValue` this raises, too.

        Aliases in its links are encoded.
        """
        text = self._filled_in(connector, field, values, options)
        html = options.get("html", True)
        return with_encoded_links(text, _aliases_in(values), html=html)

    def _filled_in(
        self,
        connector: Connector,
        field: str,
        values: Mapping[str, object],
        options: Mapping[str, Any],
    ) -> str:
        source = getattr(connector, field)
        try:
            return self._templates.render(source, values, **options)
        except MissingValue:
            raise
        except TemplateError as error:
            self._report(connector, field, source, error)
        return self._templates.render(_DEFAULTS[field], values, **options)

    def _report(
        self, connector: Connector, field: str, source: str, error: TemplateError
    ) -> None:
        key = connector.id, field, source
        if key in self._reported:
            return
        if len(self._reported) >= _MOST_REPORTED:
            self._reported.clear()
        self._reported.add(key)
        self._log.warn(
            "template failed, default text is used integration={integration} "
            "field={field} reason={reason}",
            integration=connector.id,
            field=field,
            reason=error.message,
        )

    def instructions(self, connector: Connector, alias: ScheduledAlias) -> str:
        """The joining instructions for an invitation, with the alias's tag."""
        return self.fill_in(
            connector,
            "meeting_instructions_template",
            {
                "addin_server_domain": connector.addin_server_domain,
                "alias": alias.alias,
                "numeric_alias": alias.numeric_alias,
                "alias_uuid": tags.make_pxps(alias.uuid),
            },
        )

    def location(self, connector: Connector, alias: ScheduledAlias) -> str:
        """The text to add to the meeting's location; empty if there is to be none.

        Half a link leads nowhere: a text that is too long for a location is left out.
        """
        if not connector.meeting_location_template:
            return ""
        text = self.fill_in(
            connector,
            "meeting_location_template",
            {
                "addin_server_domain": connector.addin_server_domain,
                "alias": alias.alias,
                "numeric_alias": alias.numeric_alias,
            },
            html=False,
        )
        return text if len(text) <= _LONGEST_LOCATION else ""

    def placeholder(self, connector: Connector) -> str:
        """The placeholder in an invitation that has no joining instructions yet."""
        return self.fill_in(connector, "placeholder_instructions_template", {})

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
        if alias and alias.alias == alias.numeric_alias:
            connector = _naming_one_alias(connector, template)
        if message.start and message.end:
            values["start_time"] = format_time(message.start, message.zone)
            values["end_time"] = format_time(message.end, message.zone)
        return self.fill_in(connector, template, values)

    def plain_answer(self, connector: Connector, template: AnswerTemplate) -> str:
        """The answer by a template that names neither an alias nor times."""
        return self.fill_in(connector, template, {})

    def general_error(self, connector: Connector, correlation_id: str) -> str:
        """The text for an internal error."""
        return self.fill_in(
            connector,
            "reject_general_error_template",
            {"correlation_id": correlation_id},
        )

    def room_texts(self, connector: Connector) -> "TemplatedRoomTexts":
        """The texts of the fields of the integration's rooms."""
        return TemplatedRoomTexts(self, connector)


def _aliases_in(values: Mapping[str, object]) -> Iterator[str]:
    """Yield the aliases among the values of a template."""
    for name, value in values.items():
        if name.endswith("alias") and isinstance(value, str):
            yield value
        elif name.endswith("_aliases") and isinstance(value, tuple):
            yield from value


def _naming_one_alias(connector: Connector, field: str) -> Connector:
    """Return the integration with a text that does not name the same alias twice: that
    of an integration without a domain."""
    source = getattr(connector, field).replace(_TWO_ALIASES, _ONE_ALIAS)
    return msgspec.structs.replace(connector, **{field: source})


_TWO_ALIASES = "aliases: {{alias}} and {{numeric_alias}}"
"""The words of the deployment guide's defaults."""
_ONE_ALIAS = "alias: {{alias}}"


class TemplatedRoomTexts(msgspec.Struct, frozen=True):
    """The texts of a room's fields, from templates; see `decisions.context.RoomTexts`.

    Plain text of at most 250 characters.
    """

    texts: MessageTexts
    connector: Connector

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The conference's name."""
        return self._plain("conference_name_template", message, alias)

    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The conference's description."""
        return self._plain("conference_description_template", message, alias)

    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The subject of the scheduled meeting."""
        return self._plain("conference_subject_template", message, alias)

    def alias_description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The description of the conference's aliases."""
        return self._plain("scheduled_alias_description_template", message, alias)

    def _plain(self, field: str, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return self.texts.fill_in(
            self.connector,
            field,
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
