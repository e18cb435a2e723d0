"""Messages read by their ids, with all the extended properties that they need.

One request asks for all of them. No document of Microsoft's says how many an $expand
may name: where Graph refuses them together (400) each message is asked for in parts,
with as many properties in each as Graph gives, and read as one. The number is found out
once, with one message.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
from twisted.logger import Logger

from pexschedd.exchange.batches import batches
from pexschedd.exchange.error_policy import AnswerTooLarge
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient
from pexschedd.graph.entities.extended_properties import (
    expand_properties,
    merge_properties,
)
from pexschedd.graph.error_policy import is_gone
from pexschedd.graph.problems import UNREADABLE, GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.ports.mailbox import Unreadable
from pexschedd.util.worker_processes import WorkAbandoned

PlacedMessage = tuple[MeetingMessage | Unreadable, str]
"""A message, or why it cannot be read; and the id of its folder, "" if unknown."""

_REST = {"select": "id"}
"""The options of all parts but the first, beside the properties."""


class MessageQuery(msgspec.Struct, frozen=True):
    """The options to ask for a message with, and what reads it then."""

    properties: Sequence[str]
    """The extended properties, at most `MOST`; see `expand_properties`."""
    parse: Callable[[bytes], PlacedMessage]
    """Picklable; raises `ValueError` for a document that is no message."""
    options: Mapping[str, str] = {}
    """Of `user_path`, beside the properties."""

    def parts(self, size: int) -> list[Mapping[str, str]]:
        """Return the options of requests that name at most `size` properties each."""
        expands = [expand_properties(part) for part in batches(self.properties, size)]
        own = [self.options, *[_REST] * (len(expands) - 1)]
        return [
            {**options, "expand": expand}
            for options, expand in zip(own, expands, strict=True)
        ]


class MessageReader:
    """Reads messages of one mailbox."""

    _log = Logger()

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._most: int | None = None
        """Properties that a request may name; None while Graph gives all."""

    async def read(
        self, refs: Sequence[MessageRef], query: MessageQuery
    ) -> list[PlacedMessage | GraphProblem]:
        """Return one result for each of up to `MOST` messages. Raises `MailboxError`
        as `GraphClient.batch` does."""
        if self._most is None:
            (options,) = query.parts(len(query.properties))
            requests = [self._request(ref, options) for ref in refs]
            found = await self._client.batch(requests, query.parse)
            refused = [r for r, each in zip(refs, found, strict=True) if _refuses(each)]
            if not refused or any(map(_is_read, found)):
                return found
            self._most = await self._find_most(refused, query)
            if self._most is None:
                return found
        return await self._read_in_parts(refs, query, self._most)

    async def _find_most(
        self, refused: Sequence[MessageRef], query: MessageQuery
    ) -> int | None:
        """Return the number of properties that Graph gives of a message at once; None
        if it refuses these messages for another reason."""
        with_one = await self._parts_of(refused, query.parts(1)[:1])
        given = [r for r, each in zip(refused, with_one, strict=True) if _is_read(each)]
        most = len(query.properties)
        while given and most > 1:
            most = (most + 1) // 2
            parts = await self._parts_of(given[:1], query.parts(most))
            if all(map(_is_read, parts)):
                self._log.warn(
                    "server refused the extended properties of a message together, "
                    "they are asked for {most} at a time mailbox={mailbox} "
                    "integration={integration} host={host}",
                    most=most,
                    mailbox=self._client.target.mailbox,
                    integration=self._client.target.integration,
                    host=self._client.target.host,
                )
                return most
            if not any(map(_refuses, parts)):
                return None
        return None

    async def _read_in_parts(
        self, refs: Sequence[MessageRef], query: MessageQuery, most: int
    ) -> list[PlacedMessage | GraphProblem]:
        options = query.parts(most)
        found: list[PlacedMessage | GraphProblem] = []
        for some in batches(refs, MOST // len(options)):
            parts = await self._parts_of(some, options)
            found += [
                await self._joined(of_one, query)
                for of_one in batches(parts, len(options))
            ]
        return found

    async def _parts_of(
        self, refs: Sequence[MessageRef], options: Sequence[Mapping[str, str]]
    ) -> list[bytes | GraphProblem]:
        """Return the parts of each message, one message after the other."""
        requests = [self._request(ref, each) for ref in refs for each in options]
        return await self._client.batch(requests, bytes)

    async def _joined(
        self, parts: Sequence[bytes | GraphProblem], query: MessageQuery
    ) -> PlacedMessage | GraphProblem:
        """Read a message that has come in parts."""
        documents = []
        for part in parts:
            if isinstance(part, GraphProblem):
                return part
            documents.append(part)
        size = sum(map(len, documents))
        try:
            return await self._client.heavy_work(
                partial(_read_joined, documents, query.parse), size
            )
        except (WorkAbandoned, MemoryError) as error:
            raise AnswerTooLarge(
                f"A message of {self._client.target.host} takes too long to read: "
                f"{error}"
            ) from error
        except ValueError as error:
            return GraphProblem(200, UNREADABLE, str(error)[:200])

    def _request(self, ref: MessageRef, options: Mapping[str, str]) -> ApiRequest:
        return get_message(self._client.target.mailbox, ref, options)


def get_message(
    address: str, ref: MessageRef, options: Mapping[str, str]
) -> ApiRequest:
    """Return the request for a message."""
    path = user_path(address, "messages", ref.item_id, **options)
    return ApiRequest(name="messages/get", method="GET", path=path)


def _read_joined(
    documents: Sequence[bytes], parse: Callable[[bytes], PlacedMessage]
) -> PlacedMessage:
    return parse(merge_properties(documents))


def _is_read(result: object) -> bool:
    return not isinstance(result, GraphProblem)


def _refuses(result: object) -> bool:
    """Return whether the server makes nothing of a request for what may be there."""
    return (
        isinstance(result, GraphProblem)
        and result.status == 400
        and not is_gone(result)
    )
