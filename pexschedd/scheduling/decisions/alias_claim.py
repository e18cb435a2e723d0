"""The claim of a meeting to the alias that its request names. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import MeetingRecord, RecurringConference
from pexschedd.scheduling.decisions import succession
from pexschedd.scheduling.decisions.context import KnownMeetings
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Decision, declined


class AliasClaim:
    """An alias, and the request for it; `own` is what is scheduled of its meeting."""

    def __init__(
        self,
        alias: ScheduledAlias,
        message: MeetingMessage,
        own: Sequence[MeetingRecord],
        known: KnownMeetings,
    ) -> None:
        self.alias = alias
        self._message = message
        self._own = own
        self._known = known
        self._has_alias = any(each.scheduled_alias == alias.id for each in own)
        self._is_anothers = alias.ews_item_uid not in ("", message.uid)

    def refused(self, now: datetime, *, may_wait: bool) -> Decision | None:
        """Return the decision if the meeting may not use the alias, else None.

        The meeting that has the alias may yet leave it, so that a request can wait.
        """
        alias = self.alias
        succeeds = succession.may_succeed(self._message, alias, now, self._known)
        if alias.is_deleted(now) and not (succeeds or self._has_alias):
            return declined(AnswerTemplate.ALIAS_DELETED, "alias deleted", alias)
        if self._is_anothers and not (succeeds or self._has_alias):
            if may_wait:
                return Decision("the tag is another meeting's until now", waits=True)
            return declined(
                AnswerTemplate.INVALID_ALIAS, "the tag is another meeting's", alias
            )
        for address in (alias.alias, alias.numeric_alias):
            conference = self._known.conference_of(address)
            if conference is not None and not self.has_room(conference):
                return declined(AnswerTemplate.ALIAS_CONFLICT, "alias in use", alias)
        return None

    def has_room(self, conference: int) -> bool:
        """Return whether a conference is the meeting's, or was made for the alias."""
        return any(each.conference == conference for each in self._own) or any(
            each.scheduled_alias == self.alias.id
            for each in self._known.in_room(conference)
        )

    def used(
        self, old: RecurringConference | None, kept: MeetingRecord
    ) -> ScheduledAlias:
        """Return the alias as it is once the request has been scheduled.

        `old` is the series as it was, and `kept` what was made or edited. If another
        meeting has taken up the alias since, nothing changes.
        """
        if self._is_anothers and self._has_alias:
            return self.alias
        return msgspec.structs.replace(
            self.alias,
            is_used=True,
            ews_item_uid=self._message.uid,
            conference_deletion_time=None,
            room_end=None,
            vacancy=succession.after_edit(self._message, self.alias, old, kept),
        )
