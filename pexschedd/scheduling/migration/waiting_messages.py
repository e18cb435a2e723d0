"""Records that name messages by the mailbox's ids, and what becomes of them when the
mailbox is reached by its other interface. Pure.

They are answers and rewrites that are still to be made, and messages that could not be
processed. Everything else in the store names meetings by their UIDs; the item ids of
scheduled meetings are those of messages that are answered, so they lead nowhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record
from pexschedd.model.integration.connector import Connector
from pexschedd.model.outbox import PendingAnswer, PendingRewrite, TroubledMessage
from pexschedd.model.table import Table
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.ports.message_names import RenamedMessage
from pexschedd.util.powershell import quoted

YOUNG = timedelta(minutes=5)
"""The age of a request up to which Exchange may still be about to make its event."""

_MOST_NAMED = 5
_RESPONSES = (Action.ACCEPT, Action.DECLINE)

Found = Mapping[str, RenamedMessage | None]
"""By the id that a record has; None for a message that is gone."""

_Waiting = PendingAnswer | PendingRewrite | TroubledMessage

TableRecord = tuple[Table, Record]  # type: ignore[type-arg]  # of different records


class WaitingMessages(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one integration."""

    answers: Sequence[PendingAnswer] = ()
    rewrites: Sequence[PendingRewrite] = ()
    troubled: Sequence[TroubledMessage] = ()

    @property
    def item_ids(self) -> list[str]:
        """The ids of their messages, each once."""
        records: tuple[_Waiting, ...]
        records = (*self.answers, *self.rewrites, *self.troubled)
        return list(dict.fromkeys(each.item_id for each in records))

    def renamed(self, found: Found) -> Iterator[TableRecord]:
        """Yield the records of messages that are there, with their other ids.

        What an answer's event says already is not said again: only the message has to
        be taken away then. Change keys are left out; they are read when they are
        needed.
        """
        for answer in self.answers:
            message = found.get(answer.item_id)
            if message is None:
                continue
            if answer.action == message.answered:
                answer = msgspec.structs.replace(
                    answer, action=Action.DISCARD, body="", attempts=0
                )
            yield tables.OUTBOX, _under(answer, message)
        for rewrite in self.rewrites:
            message = found.get(rewrite.item_id)
            if message is not None:
                yield tables.REWRITE, _under(rewrite, message)
        for trouble in self.troubled:
            message = found.get(trouble.item_id)
            if message is not None:
                yield tables.TROUBLED, _under(trouble, message)

    def ended(self, found: Found) -> Iterator[TableRecord]:
        """Yield the records that are done with because their messages are gone: an
        answer whose message is not under its id was given before. A rewrite goes on,
        which is about the organizer's meeting; a message that was set aside stays for
        administrators to look at."""
        for answer in self.answers:
            if found.get(answer.item_id) is None:
                yield tables.OUTBOX, answer
        for trouble in self.troubled:
            if trouble.set_aside_time is None and found.get(trouble.item_id) is None:
                yield tables.TROUBLED, trouble

    def hindrances(
        self, found: Found, target: Connector, now: datetime
    ) -> Iterator[str]:
        """Yield what would not go well over the target's interface, in words."""
        if target.uses_graph:
            if target.graph_answer_method != "MAIL":
                yield from self._without_event(found, target, now)
            return
        for answer in self.answers:
            message = found.get(answer.item_id)
            if message is not None and self._is_mail_of_ours(answer, target):
                yield (
                    f"A mail of ours ({answer.action}, correlation id "
                    f"{answer.correlation_id}) is still to be sent, and whether it was "
                    "sent already can only be seen over Graph. Begin again once the "
                    "outbox is empty."
                )

    @staticmethod
    def _is_mail_of_ours(answer: PendingAnswer, target: Connector) -> bool:
        by_mail = target.graph_answer_method == "MAIL"
        return answer.action == Action.REPLY or (
            by_mail and answer.action in _RESPONSES
        )

    def _without_event(
        self, found: Found, target: Connector, now: datetime
    ) -> Iterator[str]:
        ids = {each.item_id: each.correlation_id for each in self._to_be_answered()}
        lacking = []
        for item_id, correlation_id in ids.items():
            message = found.get(item_id)
            if message is None or not message.lacks_event:
                continue
            if message.received is None or now - message.received >= YOUNG:
                lacking.append(correlation_id)
        if lacking:
            address = target.mailbox_address
            named = ", ".join(lacking[:_MOST_NAMED])
            yield (
                f"{len(lacking)} requests are waiting that Exchange has made no event "
                f"of (correlation ids {named}), and Graph answers only events: they "
                "arrived while AutomateProcessing was None. Have them answered over "
                "EWS, or delete them, and let Exchange make events of later ones: "
                f"Set-CalendarProcessing -Identity {quoted(address)} "
                "-AutomateProcessing AutoUpdate -AddNewRequestsTentatively $true."
            )

    def _to_be_answered(
        self,
    ) -> Iterator[PendingAnswer | PendingRewrite | TroubledMessage]:
        yield from (each for each in self.answers if each.action in _RESPONSES)
        yield from self.rewrites
        yield from (each for each in self.troubled if each.set_aside_time is None)


def _under(record: _Waiting, message: RenamedMessage) -> _Waiting:
    return msgspec.structs.replace(record, item_id=message.item_id, change_key="")
