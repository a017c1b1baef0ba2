"""Answers to what no route ever sees: complete bytes, in the shape of our own API."""

import http

import msgspec


def _status_line(status: int) -> bytes:
    try:
        return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n".encode()
    except ValueError:
        return f"HTTP/1.1 {status} \r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


def refusal(status: int, code: str, message: str, *headers: bytes) -> bytes:
    """A complete answer for what no route ever sees; the connection ends with it."""
    phrase = http.HTTPStatus(status).phrase
    body = msgspec.json.encode(
        {"status": status, "code": code, "error": phrase, "message": message, "errors": []}
    )
    lines = (
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"connection: close",
        b"server: headwater",
        *headers,
    )
    return b"".join((STATUS_LINES[status], b"\r\n".join(lines), b"\r\n\r\n", body))


INVALID = refusal(400, "invalid_http", "this is not an HTTP/1.1 request")
HEAD_TOO_LARGE = refusal(431, "head_too_large", "the head of the request is too large")
TOO_SLOW = refusal(408, "request_timeout", "the request did not arrive in time")
TOO_MANY = refusal(503, "unavailable", "too many connections", b"retry-after: 1")
