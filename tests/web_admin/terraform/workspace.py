"""Terraform's own part: configurations are planned, applied, read back and destroyed.

A workspace has blocks, each the configuration of one record; blocks refer to each
other by name. The state is what was read of the records that the blocks have made.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec

from tests.web_admin.terraform.provider import UNKNOWN, Kind, Unknown, Values
from tests.web_admin.web_admin_support import Answer, Client


class Style(Enum):
    """The ways in which the provider's client writes what a plan has."""

    NULLS = "whole records, with null for what there is not; changed by PUT"
    LEFT_OUT = "without null and without what is empty; changed by PATCH of changes"


class Ref(msgspec.Struct, frozen=True):
    """The address of the record that another block makes."""

    block: str


class Block(msgspec.Struct, frozen=True):
    """The configuration of one record: what it leaves out is null."""

    name: str
    kind: str
    config: Mapping[str, Any]
    generated: frozenset[str] = frozenset()
    """Fields that the server makes up if they are left out."""

    def references(self) -> set[str]:
        """Return the names of the blocks that have to be there before."""
        values = [*self.config.values()]
        for value in self.config.values():
            if isinstance(value, list):
                values += [v for e in value if isinstance(e, dict) for v in e.values()]
        return {value.block for value in values if isinstance(value, Ref)}


class Instance(msgspec.Struct):
    """What the state has of one block's record."""

    kind: Kind
    uri: str
    values: Values
    needs: set[str]


class Change(msgspec.Struct):
    """The part of a plan that is about one block."""

    block: Block
    planned: Values
    fields: set[str]
    """The names of what changes; all of a record that is to be made."""


class InconsistentResult(AssertionError):
    """What was read after an apply is not what was planned: Terraform gives up."""


class ApplyFailed(AssertionError):
    """The API has refused what was planned."""


class Workspace:
    """Blocks become records, and records are kept as the blocks say."""

    def __init__(self, client: Client, kinds: Mapping[str, Kind], style: Style) -> None:
        self._client = client
        self._kinds = kinds
        self._style = style
        self.state: dict[str, Instance] = {}

    def plan(self, blocks: Iterable[Block]) -> list[Change]:
        """Return what would have to be made or changed, in the order of references."""
        changes = []
        for block in _in_order(blocks):
            change = self._planned(block)
            if change.fields:
                changes.append(change)
        return changes

    async def apply(self, *blocks: Block) -> list[Change]:
        """Make the records as the blocks say; return what was planned for that.

        Raises `ApplyFailed` and `InconsistentResult`.
        """
        done = []
        for block in _in_order(blocks):
            # Planned once more: addresses of others are known by now.
            change = self._planned(block)
            if change.fields:
                await self._apply(change)
                done.append(change)
        return done

    async def refresh(self) -> None:
        """Read all records of the state again; those that are gone are dropped."""
        for name, instance in [*self.state.items()]:
            answer = await self._client.ask("GET", instance.uri)
            if answer.status == 404:
                del self.state[name]
            else:
                assert answer.status == 200, answer.body
                instance.values = instance.kind.read(answer.json, instance.values)

    async def adopt(self, block: Block, uri: str) -> None:
        """Import a record: nothing is known of it but its address."""
        kind = self._kinds[block.kind]
        record = await self._client.get(uri)
        self.state[block.name] = Instance(
            kind, uri, kind.read(record, {}), block.references()
        )

    async def destroy(self) -> None:
        """Delete all records of the state, those that refer to others first."""
        while self.state:
            needed = {name for each in self.state.values() for name in each.needs}
            for name in self.state.keys() - needed:
                await self._delete(name)

    async def _delete(self, name: str) -> None:
        answer = await self._client.ask("DELETE", self.state[name].uri)
        if answer.status not in (204, 404):
            raise ApplyFailed(answer.body)
        del self.state[name]

    def _planned(self, block: Block) -> Change:
        kind, old = self._kinds[block.kind], self.state.get(block.name)
        unknown = block.config.keys() - kind.attributes.keys()
        assert not unknown, f"{block.kind} has no {unknown}"
        planned: Values = {}
        fields = set()
        for name, attribute in kind.attributes.items():
            configured = self._resolved(block.config.get(name))
            known = UNKNOWN if old is None else old.values[name]
            if name in block.generated and configured is None:
                planned[name] = known
            else:
                planned[name] = attribute.planned(configured, known)
            if old is None or not attribute.same(planned[name], known):
                fields.add(name)
        return Change(block, planned, fields)

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Ref):
            other = self.state.get(value.block)
            return UNKNOWN if other is None else other.uri
        if isinstance(value, list):
            return [self._resolved(each) for each in value]
        if isinstance(value, dict):
            return {name: self._resolved(each) for name, each in value.items()}
        return value

    async def _apply(self, change: Change) -> None:
        block, kind = change.block, self._kinds[change.block.kind]
        old = self.state.get(block.name)
        if old is not None and kind.is_replaced:
            await self._delete(block.name)
            change, old = self._planned(block), None
        if old is None:
            answer = await self._send("POST", kind.path, kind, self._written(change))
            uri = answer.location
        else:
            whole = self._style is Style.NULLS
            body = self._written(change)
            if not whole:
                # Secrets go along: a provider cannot see whether they have changed.
                body = {
                    name: value
                    for name, value in body.items()
                    if name in change.fields or kind.attributes[name].is_sensitive
                }
                body |= {name: change.planned[name] for name in change.fields}
            await self._send("PUT" if whole else "PATCH", old.uri, kind, body)
            uri = old.uri
        sensitive = {
            name: change.planned[name]
            for name, each in kind.attributes.items()
            if each.is_written_only
        }
        values = kind.read(await self._client.get(uri), sensitive)
        self.state[block.name] = Instance(kind, uri, values, block.references())
        for name, attribute in kind.attributes.items():
            planned = change.planned[name]
            if planned is UNKNOWN or (attribute.is_read_only and old is not None):
                continue
            if not attribute.same(planned, values[name]):
                raise InconsistentResult(block.name, name, planned, values[name])

    def _written(self, change: Change) -> Values:
        """The body of a request with all that is planned."""
        block, attributes = change.block, self._kinds[change.block.kind].attributes
        planned = {
            # What is left to others is null for the API, whatever is there.
            name: block.config.get(name) and value
            if attributes[name].is_list
            else value
            for name, value in change.planned.items()
        }
        return {
            name: value
            for name, value in planned.items()
            if not isinstance(value, Unknown)
            and not attributes[name].is_read_only
            and not (attributes[name].is_sensitive and value is None)
            and (
                self._style is Style.NULLS
                or value not in (None, "", 0, False)
                or value != attributes[name].default
            )
        }

    async def _send(self, method: str, path: str, kind: Kind, body: Values) -> Answer:
        if any(each.kind == "file" for each in kind.attributes.values()):
            answer = await self._send_form(method, path, kind, body)
        else:
            answer = await self._client.ask(method, path, body)
        if answer.status not in (201, 202, 204):
            raise ApplyFailed(method, path, body, answer.body)
        return answer

    async def _send_form(
        self, method: str, path: str, kind: Kind, body: Values
    ) -> Answer:
        boundary = "tf0boundary"
        lines = []
        for name, value in body.items():
            content = b"" if value is None else value
            content = content.encode() if isinstance(content, str) else content
            more = '; filename="f"' if kind.attributes[name].kind == "file" else ""
            if value is None and more:
                continue
            head = f'Content-Disposition: form-data; name="{name}"{more}'
            lines.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content)
        form = b"\r\n".join([*lines, f"--{boundary}--\r\n".encode()])
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return await self._client.ask(method, path, body=form, headers=headers)


def _in_order(blocks: Iterable[Block]) -> list[Block]:
    """The blocks, each after those that it refers to."""
    waiting = {block.name: block for block in blocks}
    ordered: list[Block] = []
    while waiting:
        ready = [b for b in waiting.values() if not b.references() & waiting.keys()]
        assert ready, f"{[*waiting]} refer to each other in a circle"
        ordered += ready
        for block in ready:
            del waiting[block.name]
    return ordered
