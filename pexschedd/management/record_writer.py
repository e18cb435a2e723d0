"""Creating, changing and deleting records through the management API.

Every request is checked as a whole and then made in one transaction; only what deletes
many records, or an integration, takes several.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields, NotFound
from pexschedd.management.admin_log import note
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.references import parse_reference
from pexschedd.management.resource import Children
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.server_fields import complete, own_defaults, seal
from pexschedd.model import tables
from pexschedd.model.fields.validation import (
    Problems,
    TemplateChecker,
    validate,
)
from pexschedd.scheduling.records.deletion import remove_connector
from pexschedd.store.store import Store
from pexschedd.util.cooperate import TimeSlice, pause

Payload = Mapping[str, object]

_DELETED_AT_ONCE = 50
"""Records; most of the time is what belongs to them, and the commit."""


class RecordWriter:
    """The use cases; each returns when what it did is durable.

    `InvalidFields` names every wrong field, `NotFound` a record that is not there.
    """

    def __init__(
        self,
        store: Store,
        templates: TemplateChecker,
        *,
        clock: IReactorTime,
        now: Now,
        uuid4: Callable[[], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._now = now
        self._uuid4 = uuid4

    async def create(self, resource: AnyResource, payload: Payload) -> int:
        """Returns the new record's id; of several, the first one's."""
        plan = ChangeSet(self._store)
        record = self._save_new(plan, resource, payload)
        await plan.commit(self._now())
        return int(record.id)

    async def update(
        self,
        resource: AnyResource,
        id: int,
        payload: Payload,
        *,
        whole: bool,
    ) -> None:
        """With `whole`, what is left out goes back to its default."""
        plan = ChangeSet(self._store)
        current = _existing(plan, resource, id)
        self._save(plan, resource, payload, current, whole=whole)
        await plan.commit(self._now())

    async def delete(
        self,
        resource: AnyResource,
        ids: Iterable[int],
        wanted: Callable[[Any], bool] = lambda record: True,
    ) -> None:
        """Many go in several transactions: others have their turn in between. So
        `wanted` looks at each record again that was chosen before."""
        plan, turn = ChangeSet(self._store), TimeSlice(self._clock, _DELETED_AT_ONCE)
        for id_ in ids:
            record = self._store.get(resource.table, id_)
            if record is not None and wanted(record):
                if resource.table is tables.CONNECTOR:
                    await remove_connector(self._store, id_, self._now(), self._clock)
                    note(f"deleted ms_exchange_connector {id_}")
                else:
                    plan.delete(resource, id_)
            if turn.is_over():
                await plan.commit(self._now())
                await pause(self._clock)
                plan, turn = (
                    ChangeSet(self._store),
                    TimeSlice(self._clock, _DELETED_AT_ONCE),
                )
        await plan.commit(self._now())

    async def bulk(self, resource: AnyResource, payload: Payload) -> None:
        """`objects` are changed if they carry a `resource_uri` or `id`, and created
        otherwise; `deleted_objects` are URIs. All of it or nothing."""
        problems: Problems = {
            name: ["There is no such field."]
            for name in set(payload) - {"objects", "deleted_objects"}
        }
        plan = ChangeSet(self._store)
        deleted = self._deleted(plan, resource, payload, problems)
        later = resource.table is tables.CONNECTOR
        for id_ in () if later else deleted:
            plan.delete(resource, id_)
        texts: list[str] = []
        for number, item in enumerate(_list(payload, "objects", problems), 1):
            try:
                self._save_item(plan, resource, item)
            except InvalidFields as error:
                texts += _numbered(number, error)
        if texts:
            problems["objects"] = texts
        if problems:
            raise InvalidFields(problems)
        await plan.commit(self._now())
        if later and deleted:
            await self.delete(resource, deleted)

    def _deleted(
        self,
        plan: ChangeSet,
        resource: AnyResource,
        payload: Payload,
        problems: Problems,
    ) -> list[int]:
        ids = []
        texts: list[str] = []
        for number, value in enumerate(_list(payload, "deleted_objects", problems), 1):
            try:
                ids.append(_reference(plan, resource, value))
            except InvalidFields as error:
                texts += _numbered(number, error)
        if texts:
            problems["deleted_objects"] = texts
        return ids

    def _save_item(self, plan: ChangeSet, resource: AnyResource, item: object) -> Any:
        """Saves one of a list: an object, new or not, or just a URI."""
        if not isinstance(item, dict):
            return plan.get(resource.table, _reference(plan, resource, item))
        named = item.get("resource_uri") or item.get("id")
        if named is None:
            return self._save_new(plan, resource, item)
        current = plan.get(resource.table, _reference(plan, resource, named))
        return self._save(plan, resource, item, current)

    def _save_new(
        self, plan: ChangeSet, resource: AnyResource, payload: Payload
    ) -> Any:
        """Plans what `payload` stands for, all of it; returns the first record."""
        parts = resource.apart(payload)
        if len(parts) == 1:
            return self._save(plan, resource, parts[0])
        records = []
        problems: Problems = {}
        for number, part in enumerate(parts, 1):
            try:
                records.append(self._save(plan, resource, part))
            except InvalidFields as error:
                for field, texts in error.problems.items():
                    numbered = [f"Number {number}: {text}" for text in texts]
                    problems.setdefault(field, []).extend(numbered)
        if problems:
            raise InvalidFields(problems)
        return records[0]

    def _save(
        self,
        plan: ChangeSet,
        resource: AnyResource,
        payload: Payload,
        current: Any = None,
        *,
        whole: bool = False,
    ) -> Any:
        """Plans one record and what is nested in it."""
        uuid4 = self._uuid4()
        values, problems = _own_values(plan, resource, payload)
        if current is None:
            values = own_defaults(resource, uuid4) | values
        try:
            record = validate(
                resource.table.record,
                values,
                current=current,
                templates=self._templates,
                replace=whole,
            )
        except InvalidFields as error:
            record = None
            # What a reference that cannot be read has caused is no news.
            problems = {**error.problems, **problems}
        if record is not None:
            if current is None:
                record = replace(record, id=plan.new_id(resource.table))
            for field, text in plan.clashes(resource.table, record).items():
                problems.setdefault(field, []).append(text)
            record = complete(record, current, self._now(), uuid4)
            record = seal(resource, record, values, self._store.vault)
            if record != current:
                plan.put(resource.table, record)
        parent = 0 if record is None else record.id
        for children in resource.children.values():
            if children.name in payload:
                texts = self._save_children(plan, children, parent, payload)
                if texts:
                    problems[children.name] = texts
        if problems:
            raise InvalidFields(problems)
        return record

    def _save_children(
        self, plan: ChangeSet, children: Children, parent: int, payload: Payload
    ) -> list[str]:
        """Makes what is listed all that belongs to `parent`; returns problems.

        A parent of 0 is one that is wrong itself: the children are checked only.
        """
        resource = CONFIGURATION[children.resource]
        items = payload[children.name]
        if not isinstance(items, list):
            return ["This must be a list."]
        kept = {_id_of(resource, item) for item in items}
        for child in plan.children(children, parent):
            if child not in kept:
                plan.delete(resource, child)
        texts: list[str] = []
        for number, item in enumerate(items, 1):
            try:
                if isinstance(item, dict):
                    item = {**item, children.parent: _Fixed(parent)}
                    self._save_item(plan, resource, item)
                else:
                    child = self._save_item(plan, resource, item)
                    plan.put(
                        resource.table, replace(child, **{children.parent: parent})
                    )
            except InvalidFields as error:
                texts += _numbered(number, error)
        return texts


class _Fixed(int):
    """A reference that the server itself has put in: it needs no look-up."""


def _own_values(
    plan: ChangeSet, resource: AnyResource, payload: Payload
) -> tuple[dict[str, object], Problems]:
    """The payload without what is shown only, references as ids."""
    values: dict[str, object] = {}
    problems: Problems = {}
    shown_only = {"resource_uri", *resource.children}
    shown_only |= {c.count for c in resource.children.values() if c.count}
    for name, value in payload.items():
        if name in shown_only:
            continue
        related = resource.fields[name].field.related if name in resource.fields else ""
        if not related or value is None:
            values[name] = value
            continue
        try:
            values[name] = _resolved(plan, related, value)
        except InvalidFields as error:
            problems[name] = list(error.problems[""])
            values[name] = 1  # of the right type: the problem is named already
    return values, problems


def _resolved(plan: ChangeSet, related: str, value: object) -> int:
    """The id that `value` refers to; of our own resources it must exist."""
    if isinstance(value, _Fixed):
        return int(value)
    if related in CONFIGURATION:
        return _reference(plan, CONFIGURATION[related], value)
    try:
        return parse_reference(related, value)
    except ValueError as error:
        raise InvalidFields({"": [str(error)]}) from None


def _reference(plan: ChangeSet, resource: AnyResource, value: object) -> int:
    try:
        id_ = parse_reference(resource.name, value)
    except ValueError as error:
        raise InvalidFields({"": [str(error)]}) from None
    if plan.get(resource.table, id_) is None:
        raise InvalidFields({"": [f"There is no {resource.name} {id_}."]})
    return id_


def _existing(plan: ChangeSet, resource: AnyResource, id: int) -> Any:
    record = plan.get(resource.table, id)
    if record is None:
        raise NotFound(f"There is no {resource.name} {id}.")
    return record


def _id_of(resource: AnyResource, item: object) -> int | None:
    """The id of a listed item that says it is one of the present ones."""
    named = item
    if isinstance(item, dict):
        named = item.get("resource_uri") or item.get("id")
    try:
        return parse_reference(resource.name, named)
    except ValueError:
        return None


def _list(payload: Payload, name: str, problems: Problems) -> Sequence[object]:
    items = payload.get(name, [])
    if isinstance(items, list):
        return items
    problems[name] = ["This must be a list."]
    return []


def _numbered(number: int, error: InvalidFields) -> list[str]:
    return [
        f"{number}: {field}: {text}" if field else f"{number}: {text}"
        for field, texts in error.problems.items()
        for text in texts
    ]
