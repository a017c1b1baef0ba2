"""Routes on the raw path: split on `/`, then decode each segment once.

So a name may hold an encoded slash, and no two spellings of a path are mixed up. A literal segment
beats a `{}` one; one trailing slash is as good as none; doubled slashes mean an empty segment,
which no route has. Nothing is ever redirected.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from headwater.errors import InvalidParameter
from headwater.http.errors import MethodNotAllowed, NoRoute
from headwater.http.message import Dialect, Route
from headwater.memo import Memo

_MET, _MATCH = 1 << 20, 500
"""Bytes of memory for paths that were met, about, and for each of them beside its length."""


class Match(NamedTuple):
    """A route, the dialect that it belongs to, and the values of its `{}` segments."""

    route: Route
    dialect: Dialect
    path: tuple[str, ...] = ()


class _Node:
    __slots__ = ("literals", "owner", "owners", "parameter", "targets")

    def __init__(self) -> None:
        self.owner: Dialect | None = None
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.targets: dict[str, Match] = {}
        self.owners: list[Dialect] = []

    def child(self, segment: str) -> "_Node":
        if not segment.startswith("{"):
            return self.literals.setdefault(segment, _Node())
        if self.parameter is None:
            self.parameter = _Node()
        return self.parameter


class Router:
    """All routes of all dialects.

    Args:
        dialects: the last one renders what belongs to none of them.
    """

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._fallback = dialects[-1]
        self._root = _Node()
        # The hot path: routes without parameters, in their usual spelling.
        self._plain: dict[tuple[str, bytes], Match] = {}
        self._met: Memo[tuple[str, bytes], Match] = Memo(_MET)
        self._anywhere = tuple(
            f"{start}/".encode() for dialect in dialects for start in dialect.anywhere
        )
        for dialect in dialects:
            for route in dialect.routes:
                self._add(route, dialect)
            for start in dialect.owns:
                self._node(start).owner = dialect

    def _add(self, route: Route, dialect: Dialect) -> None:
        node = self._root
        for segment in _split(route.path):
            node = node.child(segment)
            if dialect not in node.owners:
                node.owners.append(dialect)
        target = Match(route, dialect)
        if node.targets.setdefault(route.method, target) is not target:
            raise ValueError(f"{route.method} {route.path} is routed twice")
        if "{" not in route.path:
            path = route.path.encode()
            self._plain[route.method, path] = target
            self._plain[route.method, path.rstrip(b"/") + b"/"] = target

    def _node(self, path: str) -> _Node:
        node = self._root
        for segment in _split(path):
            node = node.child(segment)
        return node

    def known(self, method: str, raw_path: bytes) -> Match | None:
        """The route of a path that is written as usual, or was met before."""
        return self._plain.get((method, raw_path)) or self._met.get((method, raw_path))

    def match(self, method: str, raw_path: bytes) -> Match:
        """The route of a request; HEAD is served like GET.

        Raises:
            NoRoute: nothing is served at this path.
            MethodNotAllowed: something is, but not for this method.
            InvalidParameter: a segment is not UTF-8.
        """
        found = self._plain.get((method, raw_path))
        if found is not None:
            return found
        if not raw_path.startswith(b"/"):
            raise NoRoute
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        for path in self._readings(raw_path):
            for node, values in _walk(self._root, _segments(path), 0, ()):
                target = node.targets.get(wanted)
                if target is not None:
                    found = target._replace(path=values)
                    if target.route.direct is not None:
                        self._met.put((method, raw_path), found, len(raw_path) + _MATCH)
                    return found
                allowed.update(node.targets)
        if allowed:
            raise MethodNotAllowed(_allow(allowed))
        raise NoRoute

    def owner(self, raw_path: bytes) -> Dialect:
        """The dialect that owns the path, or the only one with routes below what is known of it."""
        node: _Node | None = self._root
        owners: list[Dialect] = []
        owner: Dialect | None = None
        *_, path = self._readings(raw_path)
        for segment in _segments(path, "replace"):
            assert node is not None
            node = node.literals.get(segment) or node.parameter
            if node is None:
                break
            owners = node.owners
            owner = node.owner or owner
        return owner or (owners[0] if len(owners) == 1 else self._fallback)

    def _readings(self, raw_path: bytes) -> Iterator[bytes]:
        """The path; then what is left of it behind a prefix, where a dialect is found anywhere."""
        yield raw_path
        for start in self._anywhere:
            at = raw_path.find(start, 1)
            if at > 0:
                yield raw_path[at:]
            elif raw_path.endswith(start[:-1]) and len(raw_path) >= len(start):
                yield start[:-1]


def _walk(
    node: _Node, segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """Every node with routes that the path leads to, the most literal one first."""
    if at == len(segments):
        if node.targets:
            yield node, values
        return
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        yield from _walk(literal, segments, at + 1, values)
    if node.parameter is not None and segment:
        yield from _walk(node.parameter, segments, at + 1, (*values, segment))


def _split(path: str) -> list[str]:
    return path.strip("/").split("/") if path != "/" else []


def _segments(raw_path: bytes, errors: str = "strict") -> list[str]:
    """The decoded segments; raises InvalidParameter when one is not UTF-8."""
    parts = raw_path[1:].split(b"/")
    if not parts[-1]:
        parts.pop()
    try:
        if b"%" not in raw_path:
            return [part.decode("utf-8", errors) for part in parts]
        return [unquote_to_bytes(part).decode("utf-8", errors) for part in parts]
    except UnicodeDecodeError as error:
        raise InvalidParameter("path", "is not UTF-8 behind its percent-encoding") from error


def _allow(methods: set[str]) -> tuple[str, ...]:
    return tuple(sorted(methods | {"HEAD"} if "GET" in methods else methods))
