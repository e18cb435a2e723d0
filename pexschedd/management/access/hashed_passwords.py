"""Passwords in what an administrator sends, which become hashes before it is checked.

A hash takes long and is made in a thread; what is checked is checked in one go. So the
hashes come first, and only for passwords that will be accepted.
"""

from collections.abc import Awaitable, Callable

from pexschedd.errors import InvalidFields
from pexschedd.management.resource import Payload
from pexschedd.management.resources import AnyResource
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.validation import TemplateChecker, problem_with

MakeHash = Callable[[str], Awaitable[str]]

MOST_PASSWORDS = 10
"""Passwords in one request: each takes some tenths of a second."""


class PasswordHash(str):
    """A hash that takes the place of a password in a payload. JSON cannot make one."""

    __slots__ = ()


async def no_hash(password: str) -> str:
    """Refuse to hash: for those who never save an account."""
    raise RuntimeError("no passwords are kept here")


async def with_hashes(
    resource: AnyResource,
    payload: Payload,
    templates: TemplateChecker,
    make_hash: MakeHash,
) -> Payload:
    """Return a record that is sent, or a bulk request, with hashes for its passwords.

    Passwords that are not accepted stay as they are, for the check to name. Raises
    `InvalidFields` for more than `MOST_PASSWORDS`.
    """
    hashed = [
        declared for declared in resource.fields.values() if declared.field.hashed
    ]
    if not hashed:
        return payload
    objects = payload.get("objects")
    items = objects if isinstance(objects, list) else []
    sent = sum(
        d.name in each for d in hashed for each in items if isinstance(each, dict)
    )
    if sent > MOST_PASSWORDS:
        text = f"At most {MOST_PASSWORDS} passwords can be set by one request."
        raise InvalidFields({"objects": [text]})
    result = {**payload}
    await _hash_in(result, hashed, templates, make_hash)
    if items:
        result["objects"] = copies = [
            {**each} if isinstance(each, dict) else each for each in items
        ]
        for each in copies:
            if isinstance(each, dict):
                await _hash_in(each, hashed, templates, make_hash)
    return result


async def _hash_in(
    values: dict[str, object],
    hashed: list[Declared],
    templates: TemplateChecker,
    make_hash: MakeHash,
) -> None:
    for declared in hashed:
        value = values.get(declared.name)
        if isinstance(value, str) and not problem_with(declared, value, templates):
            values[declared.name] = PasswordHash(await make_hash(value))
