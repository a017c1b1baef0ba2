"""Every error of the tree has its shape on the wire, on both paths."""

import json
from collections.abc import Iterator

import pytest

from headwater import errors
from headwater.dialects.openlineage.errors import render, render_object
from headwater.errors import HeadwaterError, Problem
from headwater.http.errors import MethodNotAllowed
from headwater.http.message import Request

CASES: dict[type[HeadwaterError], tuple[HeadwaterError, int, str]] = {
    HeadwaterError: (HeadwaterError(), 500, ""),
    errors.InvalidRequest: (errors.InvalidRequest(), 400, "invalid_request"),
    errors.MalformedBody: (errors.MalformedBody(), 400, "malformed_body"),
    errors.InvalidEvent: (
        errors.InvalidEvent((Problem("/job/name", "is required"),)),
        422,
        "invalid_event",
    ),
    errors.InvalidParameter: (errors.InvalidParameter("limit", "is odd"), 400, "invalid_parameter"),
    MethodNotAllowed: (MethodNotAllowed(("POST",)), 405, "method_not_allowed"),
    errors.NotFound: (errors.NotFound(), 404, "not_found"),
    errors.Conflict: (errors.Conflict(), 409, "conflict"),
    errors.AccessError: (errors.AccessError(), 500, ""),
    errors.Unauthenticated: (errors.Unauthenticated(), 401, "unauthenticated"),
    errors.Forbidden: (errors.Forbidden(), 403, "forbidden"),
    errors.LimitError: (errors.LimitError(), 500, ""),
    errors.BodyTooLarge: (errors.BodyTooLarge(), 413, "body_too_large"),
    errors.UnsupportedMedia: (errors.UnsupportedMedia(), 415, "unsupported_media"),
    errors.RateLimited: (errors.RateLimited(2), 429, "rate_limited"),
    errors.Unavailable: (errors.Unavailable(retry_after=3), 503, "unavailable"),
    errors.StoreError: (errors.StoreError("/secret/path.db"), 500, ""),
    errors.DatabaseTooNew: (errors.DatabaseTooNew(), 500, ""),
    errors.DatabaseLocked: (errors.DatabaseLocked(), 500, ""),
    errors.DatabaseDamaged: (errors.DatabaseDamaged(), 500, ""),
}


def tree(kind: type[HeadwaterError]) -> Iterator[type[HeadwaterError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == "headwater.errors":
            yield from tree(child)


def request() -> Request:
    return Request("GET", b"/x", b"", {}, "request-1")


def test_every_error_of_the_tree_is_a_case() -> None:
    assert set(tree(HeadwaterError)) <= CASES.keys()


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_its_object(kind: type[HeadwaterError]) -> None:
    error, status, code = CASES[kind]
    response = render_object(request(), error)
    assert response.status == status
    said = json.loads(response.body)
    if status == 500:
        assert response.body == b'{"status":500}'
        return
    assert list(said) == ["status", "code", "error", "message", "errors", "request_id"]
    assert said["status"] == status
    assert said["code"] == code
    assert said["message"] == error.message
    assert said["request_id"] == "request-1"


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_the_openlineage_paths_differ_in_401_alone(kind: type[HeadwaterError]) -> None:
    error, status, _ = CASES[kind]
    response = render(request(), error)
    if status == 401:
        assert response.body == b'{"error":"Unauthorized"}'
        assert (b"www-authenticate", b'Bearer realm="headwater"') in response.headers
    else:
        assert response == render_object(request(), error)


def test_an_event_names_each_problem_by_pointer() -> None:
    problems = (Problem("/job", "is required"), Problem("", "is odd \ud800"))
    said = json.loads(render(request(), errors.InvalidEvent(problems)).body)
    assert said["errors"] == [
        {"reason": "is required", "pointer": "/job"},
        {"reason": "is odd ?", "pointer": ""},
    ]


def test_a_parameter_is_named() -> None:
    said = json.loads(render(request(), errors.InvalidParameter("limit", "is odd")).body)
    assert said["errors"] == [{"reason": "is odd", "parameter": "limit"}]


@pytest.mark.parametrize(
    ("error", "after"), [(errors.RateLimited(2), b"2"), (errors.Unavailable(retry_after=3), b"3")]
)
def test_when_to_come_again(error: HeadwaterError, after: bytes) -> None:
    assert (b"retry-after", after) in render(request(), error).headers


def test_too_large_says_nothing_of_coming_again() -> None:
    assert render(request(), errors.BodyTooLarge()).headers == ()


def test_what_nobody_foresaw_tells_nothing() -> None:
    assert render(request(), RuntimeError("secret")).body == b'{"status":500}'
