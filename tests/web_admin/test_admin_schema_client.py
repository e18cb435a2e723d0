"""A client that knows nothing of any resource but what `schema/` and errors say."""

from collections import Counter
from typing import Any

import pytest_twisted

from tests.web_admin.test_admin_ca_certificates import authority, text
from tests.web_admin.web_admin_support import Client, Server

SCHEMA = "/api/admin/schema/"
NO_DEFAULT = "No default provided."
MOST_TRIES = 12


class SchemaClient:
    """Makes records by trial: what a text has to look like is in the errors."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._number = 0

    async def writable(self) -> list[str]:
        """The addresses of the lists in which records can be made."""
        kinds = await self._client.get(SCHEMA)
        found = []
        for entry in kinds["configuration"].values():
            schema = await self._client.get(entry["schema"])
            fields = schema["fields"].values()
            # A package is not JSON: it is sent as a form.
            if "post" in schema["allowed_list_http_methods"] and not any(
                field["type"] == "file" for field in fields
            ):
                found.append(entry["list_endpoint"])
        return found

    async def make(self, path: str) -> str:
        """Make a record, with those that it refers to; its address."""
        fields = (await self._client.get(f"{path}schema/"))["fields"]
        tries: Counter[str] = Counter()
        payload = {
            name: await self._value(field, 0)
            for name, field in fields.items()
            if field["default"] == NO_DEFAULT
            and not field["readonly"]
            and field["type"] != "file"
            and field.get("related_type") != "to_many"
        }
        for _ in range(MOST_TRIES):
            answer = await self._client.ask("POST", path, payload)
            if answer.status == 201:
                return answer.location
            assert len(answer.json) == 1, (path, payload, answer.body)
            (problems,) = answer.json.values()
            for name in problems:
                assert name in fields, answer.body
                payload[name] = await self._value(fields[name], tries[name])
                tries[name] += 1
        raise AssertionError((path, payload, answer.body))

    async def _related(self, schema: str) -> str:
        """A new record of another resource, or one that is there if none can be
        made."""
        path = schema.removesuffix("schema/")
        methods = (await self._client.get(schema))["allowed_list_http_methods"]
        if "post" in methods:
            return await self.make(path)
        return str((await self._client.objects(path))[0]["resource_uri"])

    async def change(self, path: str, record: str) -> str:
        """Change one field of a record; the field's name."""
        fields = (await self._client.get(f"{path}schema/"))["fields"]
        before = await self._client.get(record)
        for name, field in fields.items():
            if field["readonly"] or field["type"] == "related" or name not in before:
                continue
            for attempt in range(8):
                value = await self._value(field, attempt)
                answer = await self._client.ask("PATCH", record, {name: value})
                after = (await self._client.get(record))[name]
                if answer.status == 202 and after == value != before[name]:
                    return str(name)
        raise AssertionError(f"{record} has no field that can be changed")

    async def _value(self, field: dict[str, Any], attempt: int) -> object:
        """Something of the field's type; another one with each attempt."""
        self._number += 1
        number = self._number
        if field["type"] == "related":
            return await self._related(field["related_schema"])
        if field["type"] == "boolean":
            return field["default"] is not True
        if field["type"] == "integer":
            return number + 10
        if field["type"] == "datetime":
            return f"2026-12-01T10:{number % 60:02}:00"
        if field.get("valid_choices"):
            choices = field["valid_choices"]
            return choices[attempt % len(choices)]
        texts = (
            f"made from schema {number}",
            f"p{number}.example.test",
            f"p{number}@example.test",
            f"https://p{number}.example.test/EWS/Exchange.asmx",
            f"p{number}",
            text(authority(name=f"Root {number}")),
        )
        return texts[attempt % len(texts)]


@pytest_twisted.ensureDeferred
async def test_schema_is_enough(server: Server) -> None:
    """Each resource whose schema has `post` can be listed, and its records made, read,
    changed and deleted, by a client that was written from `schema/` alone."""
    client, by_schema = server.client, SchemaClient(server.client)
    seen = 0
    for path in await by_schema.writable():
        record = await by_schema.make(path)
        assert record.startswith(path)
        listed = [each["resource_uri"] for each in await client.objects(path)]
        assert record in listed
        schema = await client.get(f"{path}schema/")
        if "patch" in schema["allowed_detail_http_methods"]:
            assert await by_schema.change(path, record)
        answer = await client.ask("DELETE", record)
        assert answer.status == 204, answer.body
        assert (await client.ask("GET", record)).status == 404
        seen += 1
    assert seen >= 8
