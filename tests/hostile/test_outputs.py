"""Names made to break what shows them: markup, terminal escapes, paths, SQL, very long text."""

import json
import re
import time
import unicodedata

import pytest

from headwater import mask
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

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><!--",
    "\x1b[2J\x1b]0;owned\x07\x1b[31mred",
    "\x9b31m\x9d0;x\x9c\x7f\x08\x08\r\n",
    "\u202egnp.exe\u2066\u200b\ufeff\u2028\u2029",
    "../../../../etc/passwd",
    "..%2f..%2f\\..\\con",
    "'; DROP TABLE nodes; --",
    '" OR "1"="1',
    "%s%n{0}${jndi:ldap://x}{{7*7}}",
    '"]; a -> b; ["',
    '"]\n  click n0 "javascript:alert(1)"\n x["',
    "a:b/c?d#e&f=g h+i%20j",
    "[bold red]x[/] :smile:",
    "\U000e0041\U000e0042 tags \u0000 nul",
    "n" * 4_000,
    "😀" * 500 + "é" * 500,
    "-rf --help",
    "=cmd|' /C calc'!A0",
)
RUN = "01935b2a-0000-7000-8000-0000000000%02x"
FORMATS = ("table", "tree", "json", "dot", "mermaid")


def controls(text: str) -> set[str]:
    """What could steer a terminal, or hide: line ends alone are ours."""
    return {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n"}


@pytest.fixture(scope="module")
def named(server: Server) -> Server:
    """A server that has each of the names in every place."""
    for at, name in enumerate(NAMES):
        server.taken(
            run_event(
                "COMPLETE",
                at,
                run=RUN % at,
                job=name,
                inputs=(dataset(f"in {name}", schema(name)),),
                outputs=(
                    dataset(
                        name,
                        schema(name)
                        | documentation(name)
                        | symlinks(f"also {name}")
                        | column_lineage(**{name: [(f"in {name}", name)]}),
                    ),
                ),
                run_facets=parent(f"dag {name}", RUN % (at + 100)),
                job_facets=documentation(name),
            )
        )
    return server


def written(server: Server, kind: str, name: str) -> str:
    """A node as the API writes it."""
    for item in server.ask(f"/api/v2/{kind}s", limit=1_000)["items"]:
        if item["name"] == name:
            found: str = item["id"]
            return found
    raise AssertionError(name)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_hold_nothing_that_was_sent(named: Server, path: str) -> None:
    """They are the same for every database, and allow no script but their own."""
    answer = named.client.get(path, params={"node": NAMES[0], "q": NAMES[1]})
    assert answer.status_code == 200
    assert "alert(1)" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", answer.text)


def test_json_is_never_taken_for_a_page(named: Server) -> None:
    for name in NAMES:
        for kind in ("job", "dataset"):
            node = written(named, kind, name)
            for path in ("/api/v2/node", "/api/v2/lineage", "/api/v2/impact"):
                answer = named.client.get(path, params={"node": node})
                assert answer.status_code == 200, answer.text[:300]
                assert answer.headers["content-type"] == "application/json"
                assert json.loads(answer.content)
                assert not re.search(r"[\x00-\x1f]", answer.text)  # JSON escapes them
        missing = named.client.get("/api/v2/node", params={"node": f"job:x:{name}"})
        assert missing.status_code in {400, 404}
        assert missing.headers["content-type"] == "application/json"
        assert "\n" not in str(missing.headers)
        named.ask("/api/v2/search", q=name[:200])


def test_terminal_output_is_harmless(named: Server) -> None:
    """Every format, for a node and for the lists; written to a pipe, as a log would keep it."""
    for at, shape in enumerate(FORMATS):
        for name in NAMES[at :: len(FORMATS)]:
            node = written(named, "dataset", name)
            out = named.command("lineage", node, "--format", shape)
            assert not controls(out), (shape, name, controls(out))
            assert "\n  click" not in out
    for words in (("runs",), ("events",), ("search", "alert"), ("search", "nul")):
        for shape in ("table", "json"):
            out = named.command(*words, "--format", shape)
            assert not controls(out), (words, shape, controls(out))


def test_logs_are_one_line_each(named: Server) -> None:
    for name in NAMES:
        named.client.get("/api/v2/search", params={"q": name[:500], name[:50]: "x"})
    assert not controls(named.log())


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000 + "://x",
        "?" + "token" * 40_000 + " =",
        "&" * 200_000 + "=",
        "https://" * 25_000,
        "a://" + "b:" * 100_000 + "=",
        " " * 200_000 + "token =",
        "token " * 30_000 + "=",
        ("a" + " " * 100) * 2_000 + "=",
    ],
    ids=lambda text: str(text[:8]),
)
def test_masking_a_long_text_is_quick(text: str) -> None:
    """Whoever reads an event has its texts looked through for secrets."""
    began = time.process_time()
    mask.text(text)
    assert time.process_time() - began < 1
