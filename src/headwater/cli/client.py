"""A thin client of a running server."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self
from urllib.parse import urlsplit

import httpx
import msgspec

from headwater import __version__, errors
from headwater.errors import HeadwaterError, InvalidParameter, Unavailable

BATCH_PATH = "/api/v1/lineage/batch"
SINGLE_PATH = "/api/v1/lineage"
RETRY_STATUS = frozenset({429, 502, 503, 504})
ATTEMPTS = 8
LONGEST_WAIT = 60.0


class Refused(msgspec.Struct, frozen=True):
    """An event of a batch that was not taken."""

    index: int
    reason: str = "refused"
    retriable: bool = False


class _Summary(msgspec.Struct, frozen=True):
    received: int = 0
    successful: int = 0
    failed: int = 0
    repeated: int = 0


class BatchAnswer(msgspec.Struct, frozen=True):
    """What the server says of a batch."""

    summary: _Summary = _Summary()
    failed_events: tuple[Refused, ...] = ()


class _Problem(msgspec.Struct, frozen=True):
    error: str = ""
    message: str = ""
    error_msg: str = ""
    """As the paths of Huawei's clients say it."""


class Client:
    """Asks a server, and repeats what it could not take yet.

    Args:
        server: its address; one without a scheme is http.
        key: a Bearer token.
        sleep: how to wait before a repetition.
    """

    def __init__(
        self,
        server: str,
        key: str | None = None,
        domain: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.server = (server if "://" in server else f"http://{server}").rstrip("/")
        host = urlsplit(self.server).hostname
        if not self.server.startswith(("http://", "https://")) or not host:
            raise InvalidParameter("--server", f"{server!r} is not an http(s) address")
        headers = {"user-agent": f"headwater/{__version__}"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        if domain:
            headers["x-headwater-domain"] = domain
        self._key = key
        self._sleep = sleep
        self._reached = False
        self._http = httpx.AsyncClient(
            base_url=self.server,
            headers=headers,
            timeout=httpx.Timeout(60.0, connect=10.0),
            trust_env=not _is_local(host),  # a proxy does not reach this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        """The body of a good answer.

        Raises:
            HeadwaterError: the server is not there, or says no.
        """
        response = await self._send("GET", path, params=params)
        return _checked(response, self._key).content

    async def change(self, method: str, path: str, body: bytes) -> bytes:
        """Sends a change of our own; the body of a good answer. Raises HeadwaterError."""
        headers = {"content-type": "application/json", "workspace": "headwater"}
        response = await self._send(method, path, content=body, headers=headers)
        return _checked(response, self._key).content

    async def get_stored(self, path: str) -> tuple[bytes, bool]:
        """The bytes of an event, and whether secrets in them are masked."""
        response = _checked(await self._send("GET", path), self._key)
        return response.content, response.headers.get("x-headwater-masked") == "true"

    async def post_batch(self, bodies: Sequence[bytes]) -> BatchAnswer:
        """Posts valid JSON bodies as one batch; each keeps its own bytes."""
        response = await self._post(BATCH_PATH, b"[" + b",".join(bodies) + b"]")
        if response.status_code == httpx.codes.NO_CONTENT:
            return BatchAnswer(_Summary(len(bodies), len(bodies)))
        return msgspec.json.decode(_checked(response, self._key).content, type=BatchAnswer)

    async def post(self, body: bytes) -> None:
        """Posts one body as it is."""
        _checked(await self._post(SINGLE_PATH, body), self._key)

    async def _post(self, path: str, body: bytes) -> httpx.Response:
        return await self._send(
            "POST", path, content=body, headers={"content-type": "application/json"}
        )

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Sends, and sends again what was not taken; the same event twice is one event."""
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            wait = _wait(None, attempt)
            try:
                response = await self._http.request(
                    method, path, params=params, content=content, headers=headers
                )
            except httpx.ConnectError as error:
                if last or not self._reached:  # nobody was ever there: say so at once
                    raise Unavailable(f"no server answers at {self.server}: {error}") from error
            except httpx.TransportError as error:
                if last:
                    reason = str(error) or type(error).__name__
                    raise Unavailable(f"{self.server} broke off: {reason}") from error
            else:
                self._reached = True
                if last or response.status_code not in RETRY_STATUS:
                    return response
                wait = _wait(response.headers.get("retry-after"), attempt)
            await self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def _wait(asked: str | None, attempt: int) -> float:
    """The seconds that the server asks for; without them, twice as long each time."""
    try:
        return min(max(float(asked or ""), 0.0), LONGEST_WAIT)
    except ValueError:  # absent, or a date: no server of ours sends one
        return float(min(0.25 * 2 ** (attempt - 1), LONGEST_WAIT))


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked(response: httpx.Response, key: str | None) -> httpx.Response:
    if response.is_success:
        return response
    raise _error(response, key)


def _error(response: httpx.Response, key: str | None) -> HeadwaterError:
    """The error of ours that an answer stands for."""
    status = response.status_code
    if response.is_redirect:
        to = response.headers.get("location", "elsewhere")
        return InvalidParameter("--server", f"the server redirects to {to}: give that address")
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    message = (
        problem.message
        or problem.error_msg
        or problem.error
        or f"{status} {response.reason_phrase}"
    )
    match status:
        case 401:
            hint = "the key does not hold" if key else "the server needs a key: --key"
            return errors.Unauthenticated(f"{message}: {hint}")
        case 403:
            return errors.Forbidden(message)
        case 404:
            return errors.NotFound(message)
        case 413:
            return errors.BodyTooLarge(message)
        case _ if status in RETRY_STATUS:
            return Unavailable(f"{message} (after {ATTEMPTS} attempts)")
        case _ if status < 500:
            return errors.InvalidRequest(message)
        case _:
            return HeadwaterError(f"the server failed: {message}")
