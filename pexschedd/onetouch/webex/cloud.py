"""Requests for devices, by the cloud's API, with a profile's token.

A token that is refused is renewed once. When Webex says that there were too many
requests, or that it is busy until some time, no device of the profile is asked for
until then.
"""

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.webex.access import DeviceAccess, sign_in_page
from pexschedd.onetouch.webex.answers import CloudAnswer, reason_in, wait_of
from pexschedd.onetouch.webex.api_client import ApiClient
from pexschedd.onetouch.webex.tokens import WebexTokens


class WebexCloud:
    """The cloud's API, for the devices of all profiles."""

    def __init__(
        self, api: ApiClient, tokens: WebexTokens, clock: IReactorTime, now: Now
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._clock = clock
        self._now = now
        self._held_until: dict[int, float] = {}

    async def ask(
        self, access: DeviceAccess, method: str, path: str, document: bytes | None
    ) -> CloudAnswer:
        """Return the answer to a request for a device, whatever it says of that.

        Raises `EndpointProblem` without an answer, without a sign-in, and while Webex
        wants to be left alone; `StoreError` if a new token cannot be stored.
        """
        self._check_hold(access.profile_id)
        tokens = self._tokens.of(access.profile_id)
        token = await tokens.token()
        answer = await self._send(access, method, path, document, token)
        if answer.status == 401:
            tokens.rejected(token)
            renewed = await tokens.token()
            if renewed != token:
                answer = await self._send(access, method, path, document, renewed)
        if answer.status == 401:
            page = sign_in_page(access.profile_id)
            raise EndpointProblem(
                ProblemKind.CREDENTIALS,
                f"Webex does not accept the sign-in of its profile "
                f"({reason_in(answer)}). Sign in again at {page}",
            )
        if answer.status == 429 or (
            answer.status == 503 and "retry-after" in answer.headers
        ):
            wait = wait_of(answer, self._now())
            self._held_until[access.profile_id] = self._clock.seconds() + wait
            raise _wants_rest(wait)
        return answer

    def _check_hold(self, profile_id: int) -> None:
        left = self._held_until.get(profile_id, 0.0) - self._clock.seconds()
        if left > 0:
            raise _wants_rest(left)

    async def _send(
        self,
        access: DeviceAccess,
        method: str,
        path: str,
        document: bytes | None,
        token: str,
    ) -> CloudAnswer:
        url = access.base + path
        return await self._api.send(method, url, token=token, document=document)


def _wants_rest(wait: float) -> EndpointProblem:
    text = (
        "Webex has had too many requests or is busy, and is left alone for as long as "
        "it says."
    )
    return EndpointProblem(ProblemKind.BUSY, text, retry_after=wait)
