"""Which namespace and name the tables of a data connection have in other producers' events.

Huawei's requests never say host and port, so a table of Hive or MySQL gets the name of its
connection; where an operator says what the connection is, the two names are made one dataset.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from headwater.access import ConnectionMap
from headwater.dialects.dataarts import names
from headwater.dialects.dataarts.names import Connection, Parts
from headwater.errors import InvalidParameter
from headwater.store import Store

PATTERN = "{database}.{schema}.{table}"
"""Empty parts fall out, with their dots."""

_FIELDS = frozenset(Parts._fields)
_SPLIT = re.compile(r"(\{[^{}]*\})")

Word = Annotated[str, Meta(min_length=1, max_length=1_024)]


class Mapped(NamedTuple):
    """The native namespace of a connection's tables, and how they are named there."""

    namespace: str
    pattern: str

    def node(self, parts: Parts) -> tuple[str, str]:
        """(namespace, name) of a table."""
        words = parts._asdict()
        pieces = [
            words[piece[1:-1]] if piece.startswith("{") else piece
            for piece in _SPLIT.split(self.pattern)
        ]
        name = "".join(pieces)
        if not all(parts):
            name = re.sub(r"\.{2,}", ".", name).strip(".")
        return self.namespace, name


Maps = Mapping[str, Mapped]
"""By the namespace that the tables of a connection have without a map."""


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A map as an operator states it: exactly one of `connection`, `name` (with its workspace),
    `cluster` and `type` says which connection is meant."""

    namespace: Word
    pattern: Word = PATTERN
    connection: Word | None = None
    name: Word | None = None
    workspace: Word | None = None
    cluster: Word | None = None
    type: Word | None = None

    def source(self, project: str) -> str:
        """Raises InvalidParameter when it is not clear which connection is meant."""
        given = (self.connection, self.name, self.cluster, self.type)
        if sum(word is not None for word in given) != 1:
            raise InvalidParameter(
                "connection", "name one of connection, name (with workspace), cluster and type"
            )
        if (self.name is None) != (self.workspace is None):
            raise InvalidParameter(
                "workspace", "goes with the name of a connection, and with it only"
            )
        connection = Connection(*(word or "" for word in given))
        return names.dataset_namespace(project, self.workspace or "", connection)

    def require_pattern(self) -> None:
        """Raises InvalidParameter for a pattern that names no table."""
        named = {piece[1:-1] for piece in _SPLIT.split(self.pattern) if piece.startswith("{")}
        if not named <= _FIELDS or "table" not in named:
            known = ", ".join("{" + field + "}" for field in Parts._fields)
            raise InvalidParameter("pattern", f"needs {{table}}, and may hold {known}")


class FileSetting(Setting, frozen=True, kw_only=True):
    """A map in the file of the setting `connection_map`, with its project."""

    project: Word


_file = msgspec.json.Decoder(list[FileSetting])


def read_file(path: str) -> list[FileSetting]:
    """The maps of a file. Raises InvalidParameter, with the variable, for another form."""
    try:
        found = _file.decode(Path(path).read_bytes())
        for setting in found:
            setting.source(setting.project)
            setting.require_pattern()
    except (OSError, msgspec.MsgspecError, InvalidParameter) as error:
        raise InvalidParameter("HEADWATER_CONNECTION_MAP", f"{path}: {error}") from error
    return found


class MapBook:
    """The maps as they stand now; `refresh` comes before."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: int | None = None
        self._maps: dict[str, dict[str, Mapped]] = {}

    @property
    def version(self) -> int:
        """Another one whenever a map may have changed."""
        return -1 if self._version is None else self._version

    async def refresh(self, version: int | None = None) -> None:
        """Loads what has changed; costs one look at a file when nothing has, or nothing where
        somebody has looked (`Store.keys_version`)."""
        version = self._store.keys_version() if version is None else version
        if version == self._version:
            return
        found: dict[str, dict[str, Mapped]] = {}
        for each in await self._store.connection_maps():
            found.setdefault(each.domain, {})[each.source] = Mapped(each.namespace, each.pattern)
        self._maps = found
        self._version = version

    def of(self, domain: str) -> Maps:
        return self._maps.get(domain, {})

    async def put(self, domain: str, source: str, mapped: Mapped, now: int) -> None:
        await self._store.put_connection_map(
            ConnectionMap(domain, source, mapped.namespace, mapped.pattern, now)
        )
        await self.refresh()

    async def remove(self, domain: str, source: str) -> bool:
        removed = await self._store.remove_connection_map(domain, source)
        await self.refresh()
        return removed
