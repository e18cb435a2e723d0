"""HTTP Basic authentication (RFC 7617)."""

from base64 import b64encode

from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse


class BasicAuthenticator:
    """Sends the name and the password with every request.

    Raises ValueError for a name with a colon, which the scheme cannot express.
    """

    def __init__(self, username: str, password: str) -> None:
        if ":" in username:
            raise ValueError("a user name for Basic authentication cannot have a colon")
        pair = f"{username}:{password}".encode()
        self._header = "Basic " + b64encode(pair).decode("ascii")

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Send a request with the name and the password."""
        headers = {**request.headers, "Authorization": self._header}
        return await connection.send(HttpRequest(headers, request.body))
