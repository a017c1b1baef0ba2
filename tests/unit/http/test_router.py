"""Routes: raw paths, precedence, and who owns what is not there."""

import pytest

from headwater.errors import InvalidParameter, NotFound
from headwater.http.errors import MethodNotAllowed, NoRoute
from headwater.http.message import Dialect, Request, Response, Route
from headwater.http.router import Router


async def handler(request: Request) -> Response:
    return Response(200)


def error(request: Request, error: Exception) -> Response:
    return Response(500)


def dialect(name: str, *routes: str) -> Dialect:
    made = (route.split(" ") for route in routes)
    return Dialect(
        name, tuple(Route(method, path, handler, path, None) for method, path in made), error
    )


LINES = dialect(
    "lines",
    "GET /",
    "POST /api/v1/lineage",
    "POST /api/v1/lineage/batch",
    "GET /api/v1/events",
)
NATIVE = dialect(
    "native",
    "GET /api/v2/datasets",
    "GET /api/v2/datasets/{namespace}/{name}",
    "DELETE /api/v2/datasets/{namespace}/{name}",
    "GET /api/v2/datasets/search/{word}",
    "GET /api/v2/runs/{id}/facets",
    "GET /api/v2/runs/last/state",
)
ROUTER = Router((LINES, NATIVE))


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", b"/", "/", ()),
        ("POST", b"/api/v1/lineage", "/api/v1/lineage", ()),
        ("POST", b"/api/v1/lineage/", "/api/v1/lineage", ()),
        ("POST", b"/api/v1/line%61ge", "/api/v1/lineage", ()),
        ("POST", b"/api/v1/lineage/batch", "/api/v1/lineage/batch", ()),
        ("HEAD", b"/api/v1/events", "/api/v1/events", ()),
        (
            "GET",
            b"/api/v2/datasets/s3%3A%2F%2Fbucket/a%2Fb%20c%25d%3F%23",
            "/api/v2/datasets/{namespace}/{name}",
            ("s3://bucket", "a/b c%d?#"),
        ),
        ("GET", b"/api/v2/datasets/n/%252F", "/api/v2/datasets/{namespace}/{name}", ("n", "%2F")),
        ("GET", b"/api/v2/datasets/n/x/", "/api/v2/datasets/{namespace}/{name}", ("n", "x")),
        ("GET", b"/api/v2/datasets/n/a+b", "/api/v2/datasets/{namespace}/{name}", ("n", "a+b")),
        (
            "GET",
            "/api/v2/datasets/ä/€".encode(),
            "/api/v2/datasets/{namespace}/{name}",
            ("ä", "€"),
        ),
        ("GET", b"/api/v2/datasets/../..", "/api/v2/datasets/{namespace}/{name}", ("..", "..")),
        ("GET", b"/api/v2/datasets/search/x", "/api/v2/datasets/search/{word}", ("x",)),
        (
            "DELETE",
            b"/api/v2/datasets/search/x",
            "/api/v2/datasets/{namespace}/{name}",
            ("search", "x"),
        ),
        ("GET", b"/api/v2/runs/last/facets", "/api/v2/runs/{id}/facets", ("last",)),
    ],
)
def test_a_path_finds_its_route(
    method: str, path: bytes, operation: str, values: tuple[str, ...]
) -> None:
    found = ROUTER.match(method, path)
    assert (found.route.path, found.path) == (operation, values)


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1",
        b"//api/v1/lineage",
        b"/api//v1/lineage",
        b"/api/v1/lineage//",
        b"/API/v1/lineage",
        b"/api/v2/datasets//x",
        b"/api/v2/datasets/s3://bucket/x",
        b"/api%2Fv1/lineage",
        b"*",
        b"",
    ],
)
def test_another_spelling_is_another_path(path: bytes) -> None:
    with pytest.raises(NotFound):
        ROUTER.match("POST", path)


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="UTF-8"):
        ROUTER.match("GET", b"/api/v2/datasets/n/%FF")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", b"/api/v1/lineage", ("POST",)),
        ("PUT", b"/api/v2/datasets", ("GET", "HEAD")),
        ("POST", b"/api/v2/datasets/search/x", ("DELETE", "GET", "HEAD")),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    method: str, path: bytes, allow: tuple[str, ...]
) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTER.match(method, path)
    assert caught.value.allow == allow


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (b"/api/v1/none", "lines"),
        (b"/api/v2/none", "native"),
        (b"/api/none", "native"),
        (b"/none", "native"),
        (b"/api/v1/%FF", "lines"),
    ],
)
def test_what_is_not_there_belongs_to_who_is_near(path: bytes, owner: str) -> None:
    assert ROUTER.owner(path).name == owner


def test_a_route_stands_once() -> None:
    with pytest.raises(ValueError, match="routed twice"):
        Router((LINES, dialect("more", "POST /api/v1/lineage")))


CLOUD = dialect("cloud", "GET /v2/domains/{id}", "POST /v2/domains")._replace(
    owns=("/v2", "/v1/{project}"), anywhere=("/v2/domains",)
)
SHARED = Router((CLOUD, NATIVE, dialect("wide", "GET /v2/domains/{id}/shares", "GET /v1/about")))


def test_what_nothing_serves_is_told_from_what_is_not_known() -> None:
    with pytest.raises(NoRoute, match="Nothing is served at this path"):
        SHARED.match("GET", b"/v2/nothing")


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (b"/v2", "cloud"),
        (b"/v2/domains/d/nothing", "cloud"),
        (b"/v1/P/nothing", "cloud"),
        (b"/v1", "wide"),
        (b"/api/v2/nothing", "native"),
        (b"/prefix/v2/domains/d/nothing", "cloud"),
        (b"/prefix/nothing", "wide"),
    ],
)
def test_a_dialect_owns_more_than_its_routes(path: bytes, owner: str) -> None:
    assert SHARED.owner(path).name == owner


@pytest.mark.parametrize("prefix", [b"/aws", b"/api/v2", b"/a/b/c"])
def test_a_dialect_is_found_behind_any_prefix(prefix: bytes) -> None:
    found = SHARED.match("GET", prefix + b"/v2/domains/d%2Fe")
    assert (found.route.path, found.path) == ("/v2/domains/{id}", ("d/e",))
    with pytest.raises(MethodNotAllowed):
        SHARED.match("PUT", prefix + b"/v2/domains/d")
    with pytest.raises(NoRoute):
        SHARED.match("GET", prefix + b"/v2/runs")


def test_a_name_is_no_prefix() -> None:
    found = SHARED.match("GET", b"/api/v2/datasets/n/%2Fv2%2Fdomains%2Fd")
    assert found.path == ("n", "/v2/domains/d")
