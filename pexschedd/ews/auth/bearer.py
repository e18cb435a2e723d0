"""Bearer tokens (RFC 6750), from a source that obtains and renews them.

An access token expires after an hour or so, and may be revoked earlier. So a refused
one is replaced once, and the request sent again: a refused request has done nothing.
"""

from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse
from pexschedd.exchange.token_source import TokenSource


class BearerAuthenticator:
    """Sends a token with every request."""

    def __init__(self, tokens: TokenSource) -> None:
        self._tokens = tokens

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Send a request with a token. Raises what `TokenSource.token` raises."""
        token = await self._tokens.token()
        response = await _send_with(token, request, connection)
        if response.status != 401:
            return response
        self._tokens.rejected(token)
        fresh = await self._tokens.token()
        if fresh == token:
            return response
        return await _send_with(fresh, request, connection)


async def _send_with(
    token: str, request: HttpRequest, connection: Connection
) -> HttpResponse:
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    return await connection.send(HttpRequest(headers, request.body))
