"""Every route of every dialect, asked what its description allows, and what it does not.

No answer is a 5xx or a redirect, each is as it is described, and all errors have one shape.
"""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from headwater import app as composition
from headwater.http.message import Dialect, Route
from tests.contract.events import (
    column_lineage,
    dataset,
    documentation,
    parent,
    run_event,
    schema,
    symlinks,
)
from tests.e2e.serving import Server
from tests.hostile.test_outputs import NAMES
from tests.unit.dialects.serving import serving

EXAMPLES = 10
SECONDS = 25
KNOWN = (
    *("dataset:shop:raw", "dataset:shop:mart", "job:shop:load", "field:shop:mart:id"),
    *("run:01935b2a-0000-7000-8000-000000000001", "dataset:shop:mart view", "job:shop:dag"),
)
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
ODD = (
    *("\0", b"\xed\xa0\x80".decode("latin-1"), "é" * 300, "-1", "0", "1e9", "%00", "%s%n", '"'),
    *("9" * 40, "9" * 5_000, "NaN", "' OR 1=1 --", "../../etc/passwd", "<script>", "\x1b[2J"),
    *("dataset:", ":::", "run:", "field:a:b", "dataset:a:b:c:d", "1-0", "{}", "[]", "true", "١٢"),
    *("0001-01-01", "9999-12-31T23:59:59.9999999Z", "-99999999999", "1e-999999999", "1e999999999"),
    *("a,b", ",", "gA", "kQA", "AAAA", "____", "0" * 32, "f" * 32, "\r\nX: y", "*", "$", "-", " "),
)
ERROR = {"status", "code", "error", "message", "errors", "request_id"}
FOREIGN = (
    {"code", "message"},  # Marquez, which may add `errors`
    {"__type", "message"},  # DataZone
    {"error_code", "error_msg", "request_id"},  # DataArts
    {"error"},  # its token service
)


@pytest.fixture(scope="module")
def stocked(server: Server) -> Server:
    """A server that knows something of each kind."""
    mart = dataset(
        "mart",
        schema("id", "name") | symlinks("mart view") | column_lineage(id=[("raw", "id")]),
    )
    server.taken(
        run_event(
            "COMPLETE",
            1,
            inputs=(dataset("raw", schema("id")),),
            outputs=(mart,),
            run_facets=parent("dag", "01935b2a-0000-7000-8000-00000000000f"),
            job_facets=documentation("loads"),
        )
    )
    return server


@pytest.mark.timeout(300)  # one example may take long to make on a busy machine
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_the_description_allows_and_more(stocked: Server, mode: GenerationMode) -> None:
    described = stocked.ask("/openapi.json")
    loaded = schemathesis.openapi.from_dict(described)
    end = time.monotonic() + SECONDS
    asked = 0
    for result in loaded.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode), st.none() | st.sampled_from(KNOWN))
        def ask(case: Case[Any], node: str | None) -> None:
            nonlocal asked
            if time.monotonic() > end:
                return
            if node is not None and "node" in (case.query or {}):
                case.query["node"] = node
            answer = case.call(base_url=stocked.url, allow_redirects=False, timeout=20)
            asked += 1
            assert answer.status_code < 500, answer.text
            assert not 300 <= answer.status_code < 400
            if answer.status_code in {405, 404}:  # a path with an empty or a dot segment is another
                return
            if isinstance(case.body, list) and case.path == "/api/v1/lineage":
                return  # an array there is a batch; the description tells of the single event
            case.validate_response(answer, checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # nothing is wrong to ask where nothing is asked
            ask()
    assert asked > 100


# One shape for all errors


class Asked:
    """What the walk asks, and what came back."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.count = 0

    async def __call__(self, method: str, target: str, **given: Any) -> httpx.Response:
        answer = await self.client.request(method, target, **given)
        self.count += 1
        where = f"{method} {target}"
        # DataZone says so of operations of its protocol that nothing here serves.
        unserved = answer.status_code == 501 and b"UnknownOperationException" in answer.content
        assert answer.status_code < 500 or unserved, (where, answer.text)
        assert not 300 <= answer.status_code < 400, where
        assert answer.headers["x-request-id"], where
        if answer.status_code >= 400 and method != "HEAD":
            self.is_one_shape(answer, where)
        return answer

    def is_one_shape(self, answer: httpx.Response, where: str) -> None:
        said = answer.json()
        assert answer.headers["content-type"].startswith("application/"), where
        assert "Traceback" not in answer.text, where
        if set(said) - {"errors"} in FOREIGN:
            assert said.get("code", answer.status_code) == answer.status_code, where
            return
        assert set(said) == ERROR, where
        assert said["status"] == answer.status_code, where
        assert said["request_id"] == answer.headers["x-request-id"], where
        assert isinstance(said["errors"], list), where


def targets(route: Route) -> Iterator[str]:
    """The route's path with an odd value for each part of it, and for each parameter."""
    for value in ODD:
        written = quote(value, safe="")
        path = "/".join(written if part[:1] == "{" else part for part in route.path.split("/"))
        if "{" in route.path:
            yield path
        needed = [f"{param.name}=1" for param in route.params if param.required]
        for param in route.params:
            yield f"{path}?{'&'.join((*needed, f'{param.name}={written}'))}"
    yield f"{route.path}?{'&'.join(f'p{at}={at}' for at in range(2_000))}"
    yield f"{route.path}?%ff=%ff&&==&limit=%"


def walk(folder: Path, visit: Any) -> int:
    """Visits each route of each dialect; the number of requests."""

    async def story() -> int:
        async with serving(folder, batch_events=3) as (app, client):
            asked = Asked(client)
            for dialect in composition._dialects(app.context):
                for route in dialect.routes:
                    await visit(asked, dialect, route)
            return asked.count

    return asyncio.run(story())


def test_bad_parameters_have_one_answer(tmp_path: Path) -> None:
    async def visit(asked: Asked, dialect: Dialect, route: Route) -> None:
        if route.body:
            for body in (b"", b"{", b"[]", b"[{}]", b"null", b"\xff", b'"' * 9, b"[{},{},{},{}]"):
                await asked(route.method, route.path, content=body)
            return
        for target in targets(route):
            await asked(route.method, target)

    assert walk(tmp_path, visit) > 1_000


def _form(path: str) -> str:
    """The path whatever its parameters are called."""
    return re.sub(r"\{\w+\}", "{}", path)


def named(route: Route, domain: str, name: str) -> str:
    """The route with a name that is known in every place of it."""
    known = {"namespace": "shop", "domainIdentifier": domain, "project_id": "0" * 32}
    known["identifier"] = f"shop/{name}"
    parts = (
        known.get(part[1:-1], name) if part[:1] == "{" else part for part in route.path.split("/")
    )
    query = {
        param.name: f"job:shop:{name}" if "node" in param.name.lower() else name
        for param in route.params
        if param.required or param.name in {"q", "nodeId", "node", "job_name"}
    }
    return "/".join(quote(part, safe="") for part in parts) + "?" + urlencode(query)


def test_hostile_names_that_are_known_are_harmless_in_every_answer(tmp_path: Path) -> None:
    """JSON that escapes what could steer a terminal, and no header that a name could end."""

    async def story() -> int:
        async with serving(tmp_path) as (app, client):
            asked = Asked(client)
            for at, name in enumerate(NAMES):
                facets = schema(name) | documentation(name) | symlinks(f"also {name}")
                columns = column_lineage(**{name: [(f"in {name}", name)]})
                event = run_event(
                    "COMPLETE",
                    at,
                    run=f"01935b2a-0000-7000-8000-{at:012x}",
                    job=name,
                    inputs=(dataset(f"in {name}", schema(name)),),
                    outputs=(dataset(name, facets | columns),),
                    run_facets=parent(f"dag {name}", f"01935b2a-0000-7000-8000-0000000001{at:02x}"),
                    job_facets=documentation(name),
                )
                assert (await client.post("/api/v1/lineage", json=event)).status_code == 200
            domain = (await client.get("/v2/domains")).json()["items"][0]["id"]
            good = 0
            for dialect in composition._dialects(app.context):
                for route, name in itertools.product(dialect.routes, NAMES):
                    if route.method != "GET":
                        continue
                    answer = await asked("GET", named(route, domain, name))
                    good += answer.status_code == 200
                    if answer.headers["content-type"].startswith("application/"):
                        assert not re.search(rb"[\x00-\x1f]", answer.content), route.path
                    for header in answer.headers.values():
                        assert header.isprintable(), route.path
            return good

    assert asyncio.run(story()) > 500


def test_other_methods_are_told_which_ones_there_are(tmp_path: Path) -> None:
    served: set[tuple[str, str]] = set()

    async def note(_: Asked, __: Dialect, route: Route) -> None:
        served.add((route.method, _form(route.path)))

    walk(tmp_path, note)

    async def visit(asked: Asked, dialect: Dialect, route: Route) -> None:
        path = route.path.replace("{", "").replace("}", "")
        for method in ("PATCH", "PUT", "OPTIONS", "TRACE", "BREW"):
            if (method, _form(route.path)) in served:
                continue
            answer = await asked(method, path)
            assert answer.status_code == 405, (method, path)
            assert route.method in answer.headers["allow"].split(", ")
        if route.method == "GET":
            get, head = await asked("GET", path), await asked("HEAD", path)
            assert head.content == b""
            assert head.status_code == get.status_code
            assert head.headers["content-type"] == get.headers["content-type"]
            if path != "/metrics":  # they count the requests
                assert head.headers["content-length"] == get.headers["content-length"]

    walk(tmp_path, visit)


def test_no_spelling_of_a_path_is_redirected(tmp_path: Path) -> None:
    odd = (
        "//",
        "/./",
        "/../",
        "/%2e%2e/",
        "/;a",
        "/%00",
        "/%ff",
        "/%2F",
        "?",
        "/.well-known/x",
        "/*",
    )

    async def visit(asked: Asked, dialect: Dialect, route: Route) -> None:
        base = route.path.replace("{", "").replace("}", "").rstrip("/")
        for at, (method, end) in enumerate(itertools.product(("GET", "POST"), odd)):
            await asked(method, base + end, content=b"{}" if at % 2 else None)

    walk(tmp_path, visit)
