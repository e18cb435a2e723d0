"""The sandbox's own controls of Graph, as JSON."""

from http import HTTPStatus

import msgspec
from twisted.web.resource import Resource
from twisted.web.server import Request

from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication
from pexschedd.sandbox.service import EwsService
from pexschedd.sandbox.web.control_api import JsonControl, content
from pexschedd.sandbox.web.path_segment import PathSegment


def add_graph_controls(controls: Resource, service: EwsService) -> None:
    """Put the controls of Graph under those of the sandbox."""
    graph = PathSegment()
    controls.putChild(b"graph", graph)
    graph.putChild(b"applications", _Applications(service))
    graph.putChild(b"revocations", _Revocations(service))
    graph.putChild(b"settings", _Settings(service))
    graph.putChild(b"lifecycle", _Lifecycle(service))


class _Applications(JsonControl):
    """The applications, without what proves who they are."""

    def render_GET(self, request: Request) -> bytes:
        known = self._service.graph.applications.all()
        shown = [
            {"client_id": a.client_id, "tenant": a.tenant, "grants": a.grants}
            for a in known
        ]
        return self._answer(request, shown)

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=GraphApplication)
            self._service.graph.applications.add(wanted)
        except (msgspec.DecodeError, ValueError) as error:
            return self._refuse(request, str(error))
        return self.render_GET(request)


class _Revocation(msgspec.Struct, forbid_unknown_fields=True):
    client_id: str


class _Revocations(JsonControl):
    """The revocation of an application's tokens."""

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=_Revocation)
            self._service.graph.applications.revoke(wanted.client_id)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        except KeyError as error:
            return self._refuse(
                request, f"no application {error}", HTTPStatus.NOT_FOUND
            )
        return self._answer(request, {})


class _LifecycleEvent(msgspec.Struct, forbid_unknown_fields=True):
    event: str
    subscription: str | None = None
    """An id; None: all."""


class _Lifecycle(JsonControl):
    """The subscriptions, and what their lifecycle webhooks are told."""

    def render_GET(self, request: Request) -> bytes:
        known = self._service.graph.subscriptions.all()
        return self._answer(request, [each.document() for each in known])

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=_LifecycleEvent)
            told = self._service.graph.subscriptions.lifecycle(
                wanted.event, wanted.subscription
            )
        except (msgspec.DecodeError, ValueError) as error:
            return self._refuse(request, str(error))
        return self._answer(request, {"subscriptions": told})


class _Settings(JsonControl):
    """The settings of the organisation."""

    def render_GET(self, request: Request) -> bytes:
        return self._answer(request, self._service.graph.settings)

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=GraphSettings)
            wanted.check()
        except (msgspec.DecodeError, ValueError) as error:
            return self._refuse(request, str(error))
        self._service.graph.settings = wanted
        return self.render_GET(request)
