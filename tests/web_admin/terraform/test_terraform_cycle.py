"""Terraform's cycle for every resource that can be written: make, read back, nothing
to change, change, import, destroy."""

from typing import Any

import pytest
import pytest_twisted

from tests.web_admin.terraform.case import Case
from tests.web_admin.terraform.cases import API, CASES
from tests.web_admin.terraform.provider import Attribute, Kind, declare
from tests.web_admin.terraform.workspace import (
    ApplyFailed,
    Block,
    Style,
    Workspace,
)
from tests.web_admin.web_admin_support import Client, Server


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


@pytest_twisted.ensureDeferred
async def test_every_writable_resource_has_a_case(client: Client) -> None:
    """What can be made according to the running daemon's schema is tried here."""
    kinds = await declare(client)
    assert kinds.keys() == CASES.keys()


async def counts(client: Client, kinds: dict[str, Kind]) -> dict[str, int]:
    """The number of records of each resource."""
    return {
        name: (await client.get(f"{kind.path}?limit=1"))["meta"]["total_count"]
        for name, kind in kinds.items()
    }


def planned(workspace: Workspace, *blocks: Block) -> dict[str, set[str]]:
    return {each.block.name: each.fields for each in workspace.plan(blocks)}


@pytest.mark.parametrize("style", Style)
@pytest_twisted.ensureDeferred
async def test_a_whole_workspace(client: Client, style: Style) -> None:
    """Records of all resources: applied at once there is nothing to change, not after
    they are read again either; imported, only secrets are not known; destroyed, nothing
    is left."""
    kinds = await declare(client)
    before = await counts(client, kinds)
    workspace = Workspace(client, kinds, style)
    blocks = [case.block for case in CASES.values()]
    assert len(await workspace.apply(*blocks)) == len(blocks)
    assert planned(workspace, *blocks) == {}
    await workspace.refresh()
    assert planned(workspace, *blocks) == {}
    imported = Workspace(client, kinds, style)
    for block in blocks:
        await imported.adopt(block, workspace.state[block.name].uri)
    for name, fields in planned(imported, *blocks).items():
        attributes = imported.state[name].kind.attributes
        assert all(attributes[each].is_written_only for each in fields), (name, fields)
    await imported.apply(*blocks)
    assert planned(imported, *blocks) == {}
    await imported.destroy()
    assert await counts(client, kinds) == before
    await workspace.refresh()
    assert workspace.state == {}


@pytest.mark.parametrize("resource", CASES)
@pytest_twisted.ensureDeferred
async def test_each_field(client: Client, resource: str) -> None:
    """A field that gets another value is the only one to change; then there is nothing
    left to do. So it is when it is left out again."""
    case = CASES[resource]
    kinds = await declare(client)
    tried = 0
    workspaces = [Workspace(client, kinds, style) for style in Style]
    first = workspaces[0]
    await first.apply(case.block, *case.others)
    for workspace in workspaces:
        workspace.state = first.state
    for number, (name, attribute) in enumerate(kinds[resource].attributes.items()):
        if not attribute.is_read_only:
            await try_change(workspaces[number % 2], case, name)
            tried += 1
    assert tried
    await first.destroy()


async def try_change(workspace: Workspace, case: Case, name: str) -> None:
    """Give a field another value, leave it out, and give it the first value again."""
    block = case.block
    attribute = workspace.state[block.name].kind.attributes[name]
    other = case.values.get(name, another(attribute, block.config.get(name)))
    also = case.also.get(name, {})
    changed = with_values(block, {**also, name: other})
    if attribute.is_unsupported or is_elsewhere(other):
        with pytest.raises(ApplyFailed, match=rf'"{name}":\["[A-Z]'):
            await workspace.apply(changed)
        return
    nothing = other == workspace.state[block.name].values[name]
    await expect(workspace, changed, set() if nothing else {name, *also})
    if attribute.required or name in case.needed:
        await workspace.apply(block)
    else:
        is_configured = name in block.config
        left_out = with_values(block, {**also, name: None}) if is_configured else block
        await workspace.apply(left_out)
        assert planned(workspace, left_out) == {}
        await expect(workspace, block, {name, *also} if is_configured else set())
    assert planned(workspace, block) == {}


async def expect(workspace: Workspace, block: Block, fields: set[str]) -> None:
    """Apply a block, of which only these fields should change."""
    assert planned(workspace, block) == ({block.name: fields} if fields else {})
    await workspace.apply(block)
    assert planned(workspace, block) == {}


def is_elsewhere(value: object) -> bool:
    """Whether this is the address of a record that is not here."""
    return isinstance(value, str) and value.startswith(API) and "/role/" not in value


def with_values(block: Block, values: dict[str, Any]) -> Block:
    return Block(block.name, block.kind, {**block.config, **values}, block.generated)


def another(attribute: Attribute, value: Any) -> Any:
    """Some value of the field's type that is not this one."""
    if value is None:
        value = attribute.default
    if attribute.kind == "boolean":
        return not value
    if attribute.kind == "integer":
        return (value or 0) + 1
    if attribute.choices:
        return next(each for each in attribute.choices if each != value)
    if attribute.is_list:
        return []
    return f"{value or ''}x"
