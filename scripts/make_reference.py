"""Writes `docs/reference/`, from the code: the same text each time.

    python scripts/make_reference.py

`tests/unit/test_docs.py` fails while what stands there differs from what this writes. Pages that
are not named in `PAGES` (the shapes of our own facets) are written by hand and left alone.

A little longer than a module should be: one section for each page, and each is read by itself.
"""

import asyncio
import importlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import click
from prometheus_client.parser import text_string_to_metric_families

from headwater import app, errors
from headwater.auth.sigv4 import SignatureRefused
from headwater.cli import main
from headwater.dialects.datazone.errors import UnknownOperation
from headwater.dialects.native import openapi
from headwater.dialects.openlineage.errors import render, render_object
from headwater.errors import HeadwaterError, Problem
from headwater.http import health, refusals
from headwater.http.errors import ClientGone, MethodNotAllowed
from headwater.http.message import Dialect, Request, Route
from headwater.settings import Settings
from headwater.telemetry import Telemetry

Json = dict[str, Any]

TARGET = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Made from the code by scripts/make_reference.py: change the code, then run it. -->"
FACETS = {
    "HeadwaterHidden": "the facet that hides a job or dataset",
    "HeadwaterFlows": "column lineage in groups, of all outputs of a job",
    "HuaweiLineageInfo": "the request of a Huawei DataArts client, verbatim",
    "HuaweiTable": "the parts of a table's name, as such a client sent them",
    "MarquezArgs": "the arguments of a run that a Marquez client announced",
    "MarquezDataset": "what a Marquez client declares of a dataset",
    "MarquezDeleted": "a namespace was deleted",
    "MarquezSource": "what kind of source a Marquez client declared",
    "MarquezTag": "one tag of a job, a dataset or a field",
}
"""Our own facets, and what each is."""

# An error that needs more than its docstring; the others are made without arguments.
MADE: dict[type[HeadwaterError], Callable[[], HeadwaterError]] = {
    errors.InvalidEvent: lambda: errors.InvalidEvent((Problem("/job/name", "missing"),)),
    errors.InvalidParameter: lambda: errors.InvalidParameter("limit", "0 is too small"),
    errors.RateLimited: lambda: errors.RateLimited(1),
    MethodNotAllowed: lambda: MethodNotAllowed(("POST",)),
}
# Bases that nothing raises itself, what never reaches a client as an answer, and what only a
# dialect with signatures answers, in a shape of its own.
NEVER_SENT = {errors.AccessError, errors.LimitError, ClientGone, SignatureRefused, UnknownOperation}
REFUSALS = (refusals.INVALID, refusals.TOO_SLOW, refusals.HEAD_TOO_LARGE, refusals.TOO_MANY)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def document(*parts: str) -> str:
    return "\n\n".join((NOTE, *(part for part in parts if part))) + "\n"


# Settings.


def settings_page() -> str:
    rows = [
        (
            code(each.name),
            code(each.variable),
            " or ".join(map(code, each.type.split(" | "))),
            code(each.default),
            each.bounds,
            each.text,
        )
        for each in Settings.describe()
    ]
    return document(
        "# Settings",
        "Each setting is an environment variable. Some are also options of `headwater serve`"
        " ([commands](commands.md#headwater-serve)); an option wins over the variable. A value"
        " that is not understood or out of bounds stops the start, with the name of the variable.",
        table(("Setting", "Variable", "Type", "Default", "Bounds", "Meaning"), rows),
        "Two more variables are read by the commands that ask a running server:"
        " `HEADWATER_SERVER` (its address) and `HEADWATER_KEY` (the key).",
    )


# Commands.


def commands_page() -> str:
    context = click.Context(main, info_name="headwater")
    return document(
        "# Commands",
        (main.help or "").strip(),
        "Every command ends with 0 when all went well. It ends with 1 when something was refused,"
        " not found or different, and with 2 when it could not begin (a bad option, a database that"
        " cannot be used). `headwater COMMAND --help` shows the same as this page.",
        "\n".join(f"- [`{path}`](#{anchor(path)}): {short}" for path, short in outline(context)),
        *commands(context),
    )


def anchor(path: str) -> str:
    return path.lower().replace(" ", "-")


def under(context: click.Context) -> Iterator[click.Context]:
    group = cast("click.Group", context.command)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        # click keeps the first help option that it made, also of a call without the group's names.
        command.__dict__["_help_option"] = None
        yield click.Context(command, parent=context, info_name=name)


def outline(context: click.Context) -> Iterator[tuple[str, str]]:
    for inner in under(context):
        if isinstance(inner.command, click.Group):
            yield from outline(inner)
        else:
            yield inner.command_path, inner.command.get_short_help_str(limit=100)


def commands(context: click.Context) -> Iterator[str]:
    for inner in under(context):
        yield f"## {inner.command_path}"
        yield paragraphs(inner.command.help or "")
        if isinstance(inner.command, click.Group):
            yield from (part.replace("## ", "### ", 1) for part in commands(inner))
            continue
        usage = " ".join(inner.command.collect_usage_pieces(inner))
        yield f"```text\n{inner.command_path} {usage}\n```"
        records = (option.get_help_record(inner) for option in inner.command.get_params(inner))
        rows = [(code(record[0]), record[1]) for record in records if record]
        yield table(("Option", "Meaning"), rows)


def paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


# HTTP.


def dialects() -> list[Dialect]:
    """Every dialect. The parts that only work with a database are left out."""
    nothing = cast("Any", None)
    context = app.context_of(Settings(database=":memory:"), nothing, nothing, Telemetry())
    found = [importlib.import_module(name).dialect(context) for name in app.DIALECTS]
    return [*found, health.dialect(context, found[-1].error)]


def routes() -> list[tuple[str, Route]]:
    """Every route with the name of its dialect."""
    return [(dialect.name, route) for dialect in dialects() for route in dialect.routes]


def http_page() -> str:
    known = routes()
    described = openapi.document(dialects())
    schemas = described["components"]["schemas"]
    shown = [(name, route) for name, route in known if route.answer is not None]
    rest = [(name, route) for name, route in known if route.answer is None]
    return document(
        "# HTTP",
        described["info"]["description"].replace("\n", " "),
        "The same in OpenAPI 3.1 is at `/openapi.json` of a server, and readable at `/docs`."
        " Answers are JSON in UTF-8. Times in answers are ISO-8601 in UTC with microseconds; in"
        " questions any ISO form, or seconds since 1970. Query parameters that a route does not"
        " know are ignored. A trailing slash is served, and no route ever redirects."
        " Errors are on a [page of their own](errors.md).",
        "A request names its key as `Authorization: Bearer TOKEN`. The scope that a route needs"
        " stands with it; `admin` allows everything. The header `X-Request-Id` comes back as it was"
        " sent, or is made; the log of the server and errors name it.",
        "## Routes",
        table(
            ("Route", "Scope", "What it does"),
            [
                (
                    f"[`{route.method} {route.path}`](#{route.operation.replace('_', '-')})",
                    scope(route),
                    route.summary,
                )
                for _, route in shown
            ],
        ),
        "Further routes, which `/openapi.json` leaves out:",
        table(
            ("Route", "Scope", "What it does"),
            [(f"`{route.method} {route.path}`", scope(route), about(route)) for _, route in rest],
        ),
        *(part for _, route in shown for part in operation(route, described)),
        "## Shapes",
        *(part for name in sorted(schemas) for part in shape(name, schemas[name])),
    )


def about(route: Route) -> str:
    alias = {
        "post_event": "Alias of `/api/v1/lineage`.",
        "post_batch": "Alias of `/api/v1/lineage/batch`.",
    }
    pages = {
        "home": "A small page to begin with.",
        "docs": "The API, to read and try.",
        "openapi": "The description in OpenAPI 3.1.",
    }
    return alias.get(route.operation) or pages.get(route.operation) or route.summary


def scope(route: Route) -> str:
    return "none" if route.scope is None else code(route.scope.value)


def operation(route: Route, described: Json) -> Iterator[str]:
    operated = described["paths"][route.path][route.method.lower()]
    yield f"### {route.operation.replace('_', ' ')}"
    yield f"`{route.method} {route.path}` — {route.summary}."
    parameters = operated["parameters"]
    if parameters:
        rows = [
            (
                code(each["name"]),
                each["in"] + (", required" if each["required"] else ""),
                kind(each["schema"]),
                each.get("description", ""),
            )
            for each in parameters
        ]
        yield table(("Parameter", "In", "Type", "Meaning"), rows)
    lines = []
    if "requestBody" in operated:
        body = operated["requestBody"]["content"]["application/json"]["schema"]
        lines.append(f"Body: {kind(body)}.")
    answer = operated["responses"]["200"]["content"]["application/json"]["schema"]
    lines.append(f"Answer: {kind(answer)}.")
    lines.append(f"Statuses: {', '.join(operated['responses'])}.")
    yield " ".join(lines)


def shape(name: str, schema: Json) -> Iterator[str]:
    yield f"### {name}"
    yield " ".join(schema.get("description", "").split())
    rows = [
        (code(member), kind(given), given.get("description", ""))
        for member, given in schema.get("properties", {}).items()
    ]
    if rows:
        yield table(("Member", "Type", "Meaning"), rows)


def kind(schema: Json) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower().replace('.', '')})"
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        words = schema.get("enum", [schema.get("const")])
        return "".join((" or ".join(code(str(word)) for word in words), *bounds(schema)))
    if schema.get("type") == "array":
        inner = schema.get("items")
        return f"array of {kind(inner)}" if inner else "array"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner = kind(schema["additionalProperties"])
        return "object" if inner == "any JSON" else f"object of {inner}"
    return "".join((schema.get("type", "any JSON"), *bounds(schema)))


def bounds(schema: Json) -> Iterator[str]:
    if schema.get("format"):
        yield f" ({schema['format']})"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None or high is not None:
        yield f" {'' if low is None else low}..{'' if high is None else high}"
    if "default" in schema:
        yield f", default {json.dumps(schema['default'])}"


# Errors.


def errors_page() -> str:
    return document(
        "# Errors",
        "Every status but 401 and 500 has the same object, on the OpenLineage paths and on"
        " `/api/v2`:",
        "```json\n" + json.dumps(example(), indent=2) + "\n```",
        "`errors` lists what is off, each with a `reason` and a `pointer` (a JSON pointer into the"
        " body) or a `parameter`. `request_id` is what the log line of the request says.",
        "On the OpenLineage paths a 401 is exactly `" + bare(errors.Unauthenticated()) + "`."
        " Everywhere a 500 is exactly `" + bare(errors.StoreError()) + "`: nothing internal leaves"
        " the server, its log says more.",
        table(("Status", "Code", "Headers", "When"), error_rows()),
        "The next ones are answered before a request has a route, so they have no `request_id`, and"
        " the connection ends with them:",
        table(("Status", "Code", "Headers", "When"), refusal_rows()),
        "What may be sent again as it is: 429 and 503, after the seconds in `Retry-After`. A 413"
        " has no `Retry-After`, because clients would send the same body again.",
    )


def answered(error: Exception, on: str = "/api/v1/lineage") -> tuple[int, Json, list[str]]:
    request = Request("POST", on.encode(), b"", {}, "5f0c6d2e-1a")
    response = render_object(request, error)
    return response.status, json.loads(response.body), [n.decode() for n, _ in response.headers]


def example() -> Json:
    return answered(MADE[errors.InvalidEvent]())[1]


def bare(error: Exception) -> str:
    return render(Request("POST", b"/api/v1/lineage", b"", {}, ""), error).body.decode()


def kinds(base: type[HeadwaterError]) -> Iterator[type[HeadwaterError]]:
    for found in base.__subclasses__():
        yield found
        yield from kinds(found)


def error_rows() -> list[tuple[str, str, str, str]]:
    rows = []
    for found in kinds(HeadwaterError):
        if found in NEVER_SENT or found.__module__.startswith("headwater.dialects."):
            continue  # a dialect with errors of its own answers them in its own shape
        status, body, headers = answered(MADE.get(found, found)())
        if status != 500:
            text = (found.__doc__ or "").split("\n")[0]
            when = text if text.endswith(".") else "No key, or one that does not hold."
            names = ", ".join(code(name.title()) for name in headers)
            rows.append((str(status), code(body["code"]), names, when))
    return sorted(rows)


def refusal_rows() -> Iterator[tuple[str, str, str, str]]:
    for raw in REFUSALS:
        head, _, body = raw.partition(b"\r\n\r\n")
        said = json.loads(body)
        names = ", ".join(code(n) for n in ("Retry-After",) if n.lower().encode() in head)
        message = said["message"]
        yield str(said["status"]), code(said["code"]), names, message[0].upper() + message[1:] + "."


# Metrics.


def metrics_page() -> str:
    return document(
        "# Metrics",
        "`GET /metrics` answers in Prometheus' text format. It needs no key, and names nothing that"
        " is stored.",
        table(("Metric", "Type", "Labels", "Meaning"), asyncio.run(metric_rows())),
        "A histogram `NAME` stands as `NAME_bucket`, `NAME_sum` and `NAME_count`; times are in"
        " seconds. `outcome` is `accepted`, `repeated` (the same bytes were known), `refused` or"
        " `failed`. `operation` is the name of a route in [HTTP](http.md), or `unrouted`; `status`"
        " is a class such as `2xx`.",
    )


async def metric_rows() -> list[tuple[str, str, str, str]]:
    telemetry = Telemetry()
    telemetry.event("openlineage", "run", "accepted")
    telemetry.request("post_event", 200, 0.001)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database=str(Path(folder) / "reference.db"))
        made = await app.create_app(settings, telemetry)
        text = telemetry.render(await made.store.facts()).decode()
        await made.close()
    return [
        (code(series(family.name, family.type)), family.type, labels(family), family.documentation)
        for family in text_string_to_metric_families(text)
    ]


def series(name: str, type_: str) -> str:
    return f"{name}_total" if type_ == "counter" else name


def labels(family: Any) -> str:
    names = {name for sample in family.samples for name in sample.labels} - {"le"}
    return ", ".join(code(name) for name in sorted(names))


def index_page() -> str:
    return document(
        "# Reference",
        "Made from the code; a test fails when it and the code differ.",
        "- [Commands](commands.md): `headwater` and its options\n"
        "- [Settings](settings.md): the environment variables\n"
        "- [HTTP](http.md): routes, parameters and the shapes of answers\n"
        "- [Errors](errors.md): statuses and codes\n"
        "- [Metrics](metrics.md): what `/metrics` tells\n"
        + "\n".join(
            f"- [{name}.json](facets/{name}.json): {text}" for name, text in FACETS.items()
        ),
    )


PAGES: dict[str, Callable[[], str]] = {
    "README.md": index_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
    "http.md": http_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
}


def write() -> None:
    for name, make in PAGES.items():
        (TARGET / name).write_text(make(), "utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    write()
