"""The sandbox as a whole: an Exchange server with its HTTP side."""

from twisted.web.resource import Resource
from twisted.web.server import Site

from pexschedd.sandbox.service import EwsService
from pexschedd.sandbox.web.site import make_resource, make_site


class Sandbox(EwsService):
    """An Exchange server and its HTTP side, ready to be mounted or listened on."""

    def resource(self) -> Resource:
        """Return the root of the HTTP side; more can be put beside what is there."""
        return make_resource(self, self._clock)

    def site(self, root: Resource | None = None) -> Site:
        """Return a Site with a limit for request bodies, over `resource()` or over
        another root."""
        return make_site(self.resource() if root is None else root, self._clock)
