"""The documentation says what the code does: references are made anew, links lead somewhere, blocks
are of the language they claim, and those of README and tutorial run against a server."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urldefrag

import click
import pytest

from headwater import app, samples
from headwater.cli import COMMANDS, main
from headwater.dialects.openlineage.decode import Decoder
from headwater.settings import Settings
from scripts import make_reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
GUIDES = [page for page in PAGES if page.parent != make_reference.TARGET]
WORDS = (
    *("domain", "namespace", "job", "run", "dataset", "field", "facet", "event", "dialect"),
    *("store", "fold", "job version", "flow", "evidence", "canonical", "position", "stamp"),
)
OTHER_VARIABLES = {"HEADWATER_SERVER", "HEADWATER_KEY", "HEADWATER_DBT_OL"}
SERVER = "http://127.0.0.1:8080"
REVENUE = "dataset:tutorial:revenue\n└── job:tutorial:revenue\n"
# The pages whose blocks run, and a part of what they print.
RUN = {
    ROOT / "README.md": REVENUE,
    DOCS / "tutorial.md": REVENUE,
    DOCS / "how-to/point-aws-clients-at-headwater.md": "dataset:aws:orders_by_day\n└── job:",
    DOCS / "how-to/point-huawei-clients-at-headwater.md": ": 3 tables joined.",
}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_POSTED = re.compile(r"--data-binary '(\{.*?\})'", re.DOTALL)


class Block(NamedTuple):
    page: str
    language: str
    text: str


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path) -> list[Block]:
    return [Block(name(page), *found) for found in _BLOCK.findall(text_of(page))]


ALL_BLOCKS = [block for page in GUIDES for block in blocks(page)]


def of(*languages: str) -> list[Block]:
    return [block for block in ALL_BLOCKS if block.language in languages]


# The reference


@pytest.mark.parametrize("page", make_reference.PAGES)
def test_the_reference_is_what_the_code_says(page: str) -> None:
    stored = text_of(make_reference.TARGET / page)
    assert stored == make_reference.PAGES[page](), "run: python scripts/make_reference.py"


def test_every_setting_stands_in_the_reference() -> None:
    page = text_of(make_reference.TARGET / "settings.md")
    for setting in Settings.describe():
        assert f"`{setting.variable}`" in page
        assert setting.text in page


def test_every_command_and_option_stands_in_the_reference() -> None:
    page = text_of(make_reference.TARGET / "commands.md")
    assert set(commands()) >= COMMANDS.keys()
    for path, command in commands().items():
        assert f"# headwater {path}\n" in page
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert option in page


def test_every_route_stands_in_the_reference() -> None:
    page = text_of(make_reference.TARGET / "http.md")
    known = make_reference.routes()
    assert len(known) > 20
    for _, route in known:
        assert f"`{route.method} {route.path}`" in page
        for param in route.params:
            assert f"`{param.name}`" in page


def test_our_own_facets_have_their_schema() -> None:
    schemas = {path.stem: path for path in (make_reference.TARGET / "facets").iterdir()}
    assert schemas.keys() == make_reference.FACETS.keys()
    for name, path in schemas.items():
        assert json.loads(path.read_bytes())["title"] == name


# What the guides name


def commands() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    context = click.Context(main)
    for word in main.list_commands(context):
        command = main.get_command(context, word)
        assert command is not None
        found[word] = command
        if isinstance(command, click.Group):
            found |= {f"{word} {inner}": each for inner, each in command.commands.items()}
    return found


def called() -> Iterator[tuple[str, list[str]]]:
    """Each line of a shell block that calls headwater: the page and the words behind it."""
    for block in of("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            for match in re.finditer(r"(?:^|[/ ])headwater ([a-z]+(?: .*)?)$", line):
                yield block.page, shlex.split(match[1])


def test_the_commands_that_guides_call_exist_with_their_options() -> None:
    known = commands()
    lines = list(called())
    assert len(lines) > 30
    for page, words in lines:
        path = " ".join(words[:2]) if isinstance(known.get(words[0]), click.Group) else words[0]
        assert path in known, f"{page}: headwater {path}"
        options = {opt for parameter in known[path].params for opt in parameter.opts}
        given = {word for word in words if word.startswith("--")}
        assert given <= options | {"--help"}, f"{page}: headwater {path}"


def test_the_variables_and_metrics_that_guides_name_exist() -> None:
    variables = {setting.variable for setting in Settings.describe()} | OTHER_VARIABLES
    metrics = text_of(make_reference.TARGET / "metrics.md")
    for page in GUIDES:
        assert set(re.findall(r"HEADWATER_[A-Z_]+", text_of(page))) <= variables, name(page)
        for metric in re.findall(r"\bheadwater_(?!hidden|flows|event\b)[a-z_]+", text_of(page)):
            series = re.sub(r"_(bucket|count|sum)$", "", metric)
            assert f"`{series}`" in metrics, f"{name(page)}: {metric}"


def test_the_glossary_has_every_word_of_the_design_once() -> None:
    entries = re.findall(r"^\| ([a-z ]+) \|", text_of(DOCS / "glossary.md"), re.MULTILINE)
    assert entries == sorted(set(entries))
    assert set(WORDS) <= set(entries)


def test_the_number_of_sample_events_is_right() -> None:
    count = sum(len(path.read_bytes().splitlines()) for path in samples.paths())
    for page in (ROOT / "README.md", DOCS / "tutorial.md"):
        assert f"{count} bundled events" in text_of(page) or f"{count} events" in text_of(page)


# Links


def anchors(page: Path) -> set[str]:
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", head) for head in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in plain}


def prose(page: Path) -> str:
    return _BLOCK.sub("", text_of(page))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, anchor = urldefrag(link)
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{name(page)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_linked() -> None:
    linked = {
        (page.parent / urldefrag(link)[0]).resolve()
        for page in PAGES
        for link in _LINK.findall(prose(page))
        if not link.startswith("http")
    }
    decisions = set((DOCS / "decisions").glob("*.md"))  # these are listed by their folder
    lost = set(DOCS.rglob("*.md")) - decisions - {DOCS / "README.md"} - linked
    assert not lost, f"link these from docs/README.md: {sorted(map(name, lost))}"


# Blocks


def test_every_block_is_closed() -> None:
    for page in PAGES:
        fences = len(re.findall(r"^```", text_of(page), re.MULTILINE))
        assert fences == 2 * len(blocks(page)), name(page)


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.page)
def test_json_blocks_are_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of("python"), ids=lambda block: block.page)
def test_python_blocks_compile(block: Block) -> None:
    compile(block.text, block.page, "exec")


@pytest.mark.parametrize("block", of("sh"), ids=lambda block: block.page)
def test_shell_blocks_parse(block: Block) -> None:
    shell = shutil.which("bash") or "sh"
    done = subprocess.run(
        [shell, "-n"], input=block.text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_events_in_the_guides_hold_in_strict_mode() -> None:
    posted = [body for block in of("sh") for body in _POSTED.findall(block.text)]
    posted += [block.text for block in of("json") if '"eventTime"' in block.text]
    assert len(posted) >= 3
    for body in posted:
        assert not Decoder(strict=True).decode(body.encode()).flags


# A session: the blocks of a page in their order, against a server


class Serving:
    """A server in a thread of its own, over a file."""

    def __init__(self, database: Path) -> None:
        self._settings = Settings(database=str(database), port=0, log_level="error")
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._ready = threading.Event()
        self.url = ""

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await app.run(self._settings, self._on_ready, self._stop)

    def _on_ready(self, address: str) -> None:
        self.url = address
        self._ready.set()

    def __enter__(self) -> str:
        self._thread.start()
        assert self._ready.wait(30)
        return self.url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)


def runs(block: Block) -> bool:
    """Setting up and starting servers is left out: the server of the test is there already."""
    if block.language == "python":
        return True
    return block.language == "sh" and not re.search(r"\bmake |headwater serve", block.text)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages call curl")
@pytest.mark.parametrize("page", RUN, ids=name)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    command = tmp_path / "headwater"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m headwater "$@"\n')
    command.chmod(0o755)
    database = tmp_path / "page.db"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER", "OPENLINEAGE"))}
    env = kept | {"HOME": str(tmp_path), "HEADWATER_DATABASE": str(database)}

    def execute(*arguments: str) -> str:
        done = subprocess.run(
            arguments,
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{arguments[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    for path in samples.paths():
        execute(str(command), "load", str(path))
    said: list[str] = []
    with Serving(database) as url:
        for block in filter(runs, blocks(page)):
            text = block.text.replace(SERVER, url).replace(".venv/bin/headwater", str(command))
            if block.language == "python":
                execute(sys.executable, "-W", "error", "-c", text)
            else:
                said.append(execute("bash", "-e", "-c", text))
    assert RUN[page] in "".join(said)
    assert '"status":4' not in "".join(said)
