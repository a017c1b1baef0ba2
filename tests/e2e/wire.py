"""One HTTP connection, byte by byte: what httpx hides is what these tests are about."""

import select
import socket
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

PATIENCE = 30.0
_DATA_SEGMENTS_IN = 152
"""Where Linux keeps the count in `struct tcp_info`: segments with data that were received."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    segments: int
    """In how many TCP segments it came."""

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Connection:
    """Sends bytes, reads answers."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._counted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, *parts: bytes) -> None:
        self._socket.sendall(b"".join(parts))

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *headers: str,
        chunks: Iterable[bytes] | None = None,
    ) -> Answer:
        """Sends a request and reads its answer.

        Args:
            chunks: send these as a chunked body, without its length.
        """
        lines = [f"{method} {path} HTTP/1.1", "Host: hw", *headers]
        if chunks is not None:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (*chunks, b""))
        elif body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1"), b"\r\n\r\n", body or b"")
        return self.answer(method)

    def post(self, path: str, body: bytes, *headers: str) -> Answer:
        return self.request("POST", path, body, *headers)

    def answer(self, method: str = "POST") -> Answer:
        """Reads one answer."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        before, self._counted = self._counted, self._segments()
        return Answer(int(status.split()[1]), headers, body, self._counted - before)

    def readable(self) -> bool:
        """Whether anything of an answer has come."""
        return bool(self._rest or select.select([self._socket], [], [], 0)[0])

    def ended(self) -> bool:
        """Whether the server has closed the connection, and said nothing more."""
        try:
            return self._rest == b"" and self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _more(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the server has closed the connection")
        self._rest += data

    def _segments(self) -> int:
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        count: int = struct.unpack_from("I", info, _DATA_SEGMENTS_IN)[0]
        return count
