"""The house plan: imports go down the ladder, drivers stay in their store, modules stay short."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "headwater"

# Lowest first. A name stands for a module or a package with all it holds; `dialects` and `stores`
# share a rung and have rules of their own below. `samples` is data, `__init__` names the version.
LADDER: tuple[frozenset[str], ...] = (
    frozenset({"__init__", "samples"}),
    frozenset({"errors", "garbage", "mask", "memo", "telemetry"}),
    frozenset({"access", "ids"}),
    frozenset({"event", "records"}),
    frozenset({"fold", "history", "projection", "store", "slices", "settings", "walks"}),
    frozenset({"ingest", "replay", "lineage", "auth"}),
    frozenset({"http"}),
    frozenset({"dialects", "stores"}),
    frozenset({"app", "importing"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
RUNG = {name: height for height, names in enumerate(LADDER) for name in names}
STORES_REACH = RUNG["ingest"]

ADAPTERS = frozenset({"dialects", "stores"})
PARENTS = {
    "dataarts": "openlineage",
    "datazone": "openlineage",
    "marquez": "openlineage",
    "native": "openlineage",
}
DRIVERS = frozenset({"apsw", "asyncpg", "psycopg", "sqlite3"})
FOREIGN = frozenset({("importing.postgres", "psycopg")})
"""What reads a database that is not ours."""

LINES = 400
# Module (as a path below src/headwater) -> why it is better long than split.
LONG: dict[str, str] = {}


class Import(NamedTuple):
    """One import of `target` in `module`; both dotted below the package, "" being the package."""

    module: str
    target: str
    line: int


class Tree:
    """The modules of a package and what they import, read without running them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.package = root.name
        self.modules = {_dotted(root, path): path for path in sorted(root.rglob("*.py"))}
        self.inner: list[Import] = []
        self.outer: list[Import] = []
        self.relative: list[Import] = []
        for module, path in self.modules.items():
            self._read(module, path)

    def _read(self, module: str, path: Path) -> None:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._add(module, alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    self.relative.append(Import(module, node.module or ".", node.lineno))
                for alias in node.names:
                    self._add(module, f"{node.module}.{alias.name}", node.lineno)

    def _add(self, module: str, target: str, line: int) -> None:
        head, _, rest = target.partition(".")
        if head != self.package:
            self.outer.append(Import(module, head, line))
            return
        while (
            rest and rest not in self.modules and not (self.root / rest.replace(".", "/")).is_dir()
        ):
            rest = rest.rpartition(".")[0]  # a name inside a module: the module is what is imported
        self.inner.append(Import(module, rest, line))


def _dotted(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _unit(module: str) -> str:
    return module.partition(".")[0] or "__init__"


def _adapter(module: str) -> tuple[str, str]:
    """('stores', 'sqlite') for stores.sqlite.reader; ('stores', '') for the registry itself."""
    kind, name, *_ = (*module.split("."), "")
    return kind, name


def unplaced(tree: Tree) -> Iterator[str]:
    """Every module has a rung."""
    for unit in sorted({_unit(module) for module in tree.modules} - RUNG.keys()):
        yield f"{unit}: has no rung on the ladder"


def upward(tree: Tree) -> Iterator[str]:
    """Imports go down, or along the same rung."""
    for module, target, line in tree.inner:
        here, there = RUNG.get(_unit(module)), RUNG.get(_unit(target))
        if here is not None and there is not None and there > here:
            yield f"{module}:{line}: imports {target}, which stands above it"


def across(tree: Tree) -> Iterator[str]:
    """Adapters do not see each other; stores see no HTTP."""
    for module, target, line in tree.inner:
        if _unit(module) not in ADAPTERS:
            continue
        (kind, name), (other_kind, other) = _adapter(module), _adapter(target)
        if other_kind in ADAPTERS and other_kind != kind:
            yield f"{module}:{line}: imports {target}: dialects and stores do not see each other"
        elif other_kind == kind and name and other not in {"", name, PARENTS.get(name)}:
            yield f"{module}:{line}: imports {target}, another adapter"
        elif kind == "stores" and STORES_REACH < RUNG.get(other_kind, 0) < RUNG["stores"]:
            yield f"{module}:{line}: imports {target}: a store knows no HTTP"


def cyclic(tree: Tree) -> Iterator[str]:
    """No cycle among modules, nor among the units of the ladder."""
    for name in (str, _unit):
        graph: dict[str, set[str]] = {}
        for module, target, _ in tree.inner:
            if name(module) != name(target):
                graph.setdefault(name(module), set()).add(name(target))
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as cycle:
            yield "cycle: " + " <- ".join(part or "__init__" for part in cycle.args[1])
            return


def driven(tree: Tree) -> Iterator[str]:
    """Drivers are imported only below stores/<name>/, and by what reads a foreign database."""
    for module, target, line in tree.outer:
        kind, name = _adapter(module)
        inside = kind == "stores" and (tree.root / "stores" / name).is_dir() and name
        if target in DRIVERS and not inside and (module, target) not in FOREIGN:
            yield f"{module}:{line}: imports the driver {target}"


def relative(tree: Tree) -> Iterator[str]:
    """Imports are absolute."""
    for module, target, line in tree.relative:
        yield f"{module}:{line}: relative import of {target}"


def long(tree: Tree) -> Iterator[str]:
    """Modules stop short of 400 lines."""
    for path in tree.modules.values():
        name = path.relative_to(tree.root).as_posix()
        lines = len(path.read_bytes().splitlines())
        if lines >= LINES and name not in LONG:
            yield f"{name}: {lines} lines"


RULES = (unplaced, upward, across, cyclic, driven, relative, long)


def violations(root: Path) -> list[str]:
    tree = Tree(root)
    return [violation for rule in RULES for violation in rule(tree)]


def test_the_source_keeps_the_house_plan() -> None:
    assert violations(SOURCE) == []


def test_exceptions_to_the_length_are_still_needed() -> None:
    short = [
        name
        for name in LONG
        if not (SOURCE / name).is_file() or len((SOURCE / name).read_bytes().splitlines()) < LINES
    ]
    assert short == []


def plant(root: Path, files: dict[str, str]) -> Path:
    package = root / "headwater"
    for name, text in {"__init__.py": "", "ids.py": "", **files}.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.parent != package:
            (path.parent / "__init__.py").touch()
    return package


GOOD = {
    "event.py": "from headwater import __version__, ids\nfrom headwater.ids import DatasetId",
    "records.py": "import headwater.event",
    "store.py": "from headwater import records",
    "ingest.py": "from headwater import store",
    "http/routing.py": "from headwater import ingest",
    "dialects/openlineage/decode.py": "from headwater.http import routing",
    "dialects/marquez/decode.py": "from headwater.dialects.openlineage import decode",
    "dialects/marquez/routes.py": "from headwater.dialects.marquez.decode import thing",
    "stores/sqlite/reader.py": "import apsw\nfrom headwater import ingest",
    "app.py": "from headwater import dialects, stores\nfrom headwater.stores import sqlite",
    "cli/serve.py": "from headwater.app import build",
    "__main__.py": "from headwater.cli import main",
    "samples/orders.json": "{}",
}


def test_a_good_tree_passes(tmp_path: Path) -> None:
    assert violations(plant(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("utils.py", "", "utils: has no rung"),
        ("event.py", "from headwater import store", "event:1: imports store, which stands above"),
        ("event.py", "import headwater.app", "event:1: imports app, which stands above"),
        ("ids.py", "def f():\n    from headwater.cli import serve", "ids:2: imports cli.serve"),
        ("store.py", "from headwater.stores import sqlite", "store:1: imports stores.sqlite"),
        ("event.py", "import headwater.records", "cycle: "),
        ("http/a.py", "import headwater.http.routing\nimport headwater.http.a.b", None),
        ("http/routing.py", "from headwater.http import page", None),
        (
            "dialects/openlineage/decode.py",
            "from headwater.dialects.marquez import decode",
            "imports dialects.marquez.decode, another adapter",
        ),
        (
            "dialects/datazone/x.py",
            "from headwater.dialects.marquez.decode import thing",
            "imports dialects.marquez.decode, another adapter",
        ),
        ("dialects/datazone/x.py", "from headwater.dialects.openlineage import decode", None),
        (
            "dialects/marquez/x.py",
            "from headwater.stores.sqlite import reader",
            "do not see each other",
        ),
        (
            "stores/postgres/x.py",
            "from headwater.stores.sqlite import reader",
            "imports stores.sqlite.reader, another adapter",
        ),
        ("stores/sqlite/x.py", "from headwater.http import routing", "a store knows no HTTP"),
        ("stores/sqlite/x.py", "from headwater.dialects import marquez", "do not see each other"),
        ("stores/postgres/x.py", "import asyncpg\nimport psycopg.rows", None),
        ("stores/__init__.py", "import apsw", "stores:1: imports the driver apsw"),
        ("importing/postgres.py", "import psycopg", None),
        ("importing/postgres.py", "import apsw", "importing.postgres:1: imports the driver apsw"),
        ("importing/api.py", "import psycopg", "importing.api:1: imports the driver psycopg"),
        ("stores/base.py", "import psycopg", "stores.base:1: imports the driver psycopg"),
        ("ingest.py", "from apsw import Connection", "ingest:1: imports the driver apsw"),
        ("http/x.py", "from . import routing", "http.x:1: relative import"),
        ("cli/x.py", "#\n" * 400, "cli/x.py: 400 lines"),
        ("cli/x.py", "#\n" * 399, None),
    ],
)
def test_each_rule_sees_its_violation(
    tmp_path: Path, name: str, text: str, complaint: str | None
) -> None:
    found = violations(plant(tmp_path, {**GOOD, name: text}))
    if complaint is None:
        assert found == []
    else:
        assert any(complaint in violation for violation in found), found


def test_units_of_one_rung_do_not_form_a_cycle(tmp_path: Path) -> None:
    files = {
        "auth/a.py": "from headwater import lineage",
        "auth/b.py": "",
        "lineage.py": "from headwater.auth import b",
    }
    assert any("cycle" in violation for violation in violations(plant(tmp_path, files)))
