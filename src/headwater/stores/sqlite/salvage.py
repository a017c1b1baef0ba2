"""What can be read of a damaged database: its events, one by one, and what is lost between them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from headwater.access import ApiKey, ConnectionMap, Domain, Project, UserAccount
from headwater.errors import HeadwaterError, NotFound, StoreError
from headwater.ids import digest_of
from headwater.store import LoggedEvent
from headwater.stores.sqlite.bodies import Bodies
from headwater.stores.sqlite.connection import Connection, Row, translated
from headwater.stores.sqlite.lock import Trace, left_behind

UNKNOWN = ""
"""The domain of an event whose own row cannot be read."""

_WINDOW = 500
_BODIES = """
    SELECT position, dictionary_id, body FROM event_body
    WHERE position BETWEEN ? AND ? ORDER BY position"""
_EVENTS = """
    SELECT position, domain_id, dialect, received_at, token, digest FROM event
    WHERE position BETWEEN ? AND ? ORDER BY position"""
_POSITIONS = (
    "SELECT position FROM event INDEXED BY event_by_id ORDER BY domain_id, id",
    "SELECT position FROM event INDEXED BY event_by_id ORDER BY domain_id DESC, id DESC",
    "SELECT position FROM event ORDER BY position DESC",
    "SELECT position FROM event_body ORDER BY position DESC",
)
"""The first tells of all events, unless it is damaged too; then all together tell the most."""
_DOMAINS = "SELECT id, name, created_at FROM domain"
_KEYS = """
    SELECT k.id, d.name, k.scopes, k.secret_hash, k.label, k.created_at, k.revoked_at
    FROM api_key k JOIN domain d ON d.id = k.domain_id"""
_USERS = """
    SELECT d.name, u.name, u.scopes, u.password, u.created_at
    FROM user_account u JOIN domain d ON d.id = u.domain_id"""
_PROJECTS = """
    SELECT p.id, d.name, p.name, p.created_at FROM project p JOIN domain d ON d.id = p.domain_id"""
_MAPS = """
    SELECT d.name, c.source, c.namespace, c.pattern, c.created_at
    FROM connection_map c JOIN domain d ON d.id = c.domain_id"""
_SECRETS = "SELECT key_id, sealed FROM api_secret"


class Range(NamedTuple):
    """Positions of the log, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def ranges(lost: Sequence[Range], shown: int = 50) -> str:
    """As text; the first of very many."""
    more = f" and {len(lost) - shown:,} more ranges" if len(lost) > shown else ""
    return ", ".join(map(str, lost[:shown])) + more


class Salvage:
    """Reads a file without changing it, past whatever cannot be read.

    Args:
        left: what the last process left; by default it is looked up, where no process holds the
            lock.

    Raises:
        NotFound: there is no such file.
        StoreError: not even the list of its tables can be read.
    """

    def __init__(self, path: Path, left: Trace | None = None) -> None:
        if not path.exists():
            raise NotFound(f"there is no database at {path}")
        left = left or left_behind(path)[1]
        self._db = _open(path)
        self._bodies = Bodies(self._db)
        self._domains = {row[0]: Domain(row[1], row[2]) for row in self._tried(_DOMAINS)}
        self._known = bytearray(1)
        self._sure = self._learn(_most_positions(path))
        self._end = max(len(self._known) - 1, 0 if left is None else left.position)
        self._unseen = range(len(self._known), self._end + 1)
        self.lost: list[Range] = []

    def _learn(self, most: int) -> bool:
        """Finds where events stand in the log; returns whether that is all of them."""
        for number, text in enumerate(_POSITIONS):
            try:
                with translated():
                    for (position,) in self._db.scan(text):
                        if not isinstance(position, int) or not 0 < position <= most:
                            continue
                        if position >= len(self._known):
                            self._known.extend(bytes(position + 1 - len(self._known)))
                        self._known[position] = 1
            except HeadwaterError:
                continue
            if number == 0:
                return True
        return False

    @property
    def total(self) -> int:
        """How many events are known to have been there."""
        return sum(self._known) + len(self._unseen)

    @property
    def lost_count(self) -> int:
        return sum(last - first + 1 for first, last in self.lost)

    def domains(self) -> list[Domain]:
        return list(self._domains.values())

    def api_keys(self) -> list[ApiKey]:
        """Those that can be read."""
        sealed: dict[str, bytes] = dict(self._tried(_SECRETS))
        return [
            ApiKey(row[0], row[1], frozenset(row[2].split()), *(*row[3:], sealed.get(row[0])))
            for row in self._tried(_KEYS)
        ]

    def users(self) -> list[UserAccount]:
        rows = self._tried(_USERS)
        return [UserAccount(row[0], row[1], frozenset(row[2].split()), *row[3:]) for row in rows]

    def projects(self) -> list[Project]:
        return [Project(*row) for row in self._tried(_PROJECTS)]

    def connection_maps(self) -> list[ConnectionMap]:
        return [ConnectionMap(*row) for row in self._tried(_MAPS)]

    def close(self) -> None:
        self._db.close()

    async def log(self, after: int = 0) -> AsyncIterator[LoggedEvent]:
        """The events that can be read and belong to a domain; `lost` grows on the way.

        Where only one domain is known, all are its.
        """
        only = next(iter(self._domains.values())).name if len(self._domains) == 1 else None
        for event in self.events(after):
            if event.domain != UNKNOWN:
                yield event
            elif only is not None:
                yield msgspec.structs.replace(event, domain=only)
            else:
                self._lose(event.position)

    def events(self, after: int = 0) -> Iterator[LoggedEvent]:
        """As `log`, and those of which nobody can tell the domain."""
        for first in range(after + 1, self._end + 1, _WINDOW):
            last = min(first + _WINDOW - 1, self._end)
            bodies, unread = self._rows(_BODIES, first, last)
            rows, vague = self._rows(_EVENTS, first, last)
            silent = set() if self._sure else unread | vague
            for position in range(first, last + 1):
                body, row = bodies.get(position), rows.get(position)
                event = None if body is None else self._restored(body, row)
                if event is not None:
                    yield event
                elif body or row or position in silent or self._was_there(position):
                    self._lose(position)

    def _was_there(self, position: int) -> bool:
        return position in self._unseen or bool(self._known[position])

    def _restored(self, body: Row, row: Row | None) -> LoggedEvent | None:
        position, dictionary, packed = body
        try:
            with translated():
                plain = self._bodies.restore(dictionary, packed)
        except (HeadwaterError, TypeError, ValueError):
            return None
        if row is None:
            return LoggedEvent(position, UNKNOWN, "openlineage", 0, None, plain)
        domain = self._domains.get(row[1])
        if digest_of(plain, row[4]) != row[5]:
            return None
        name = UNKNOWN if domain is None else domain.name
        return LoggedEvent(position, name, row[2], row[3], row[4], plain)

    def _rows(self, text: str, first: int, last: int) -> tuple[dict[int, Row], set[int]]:
        """The rows by position, and the positions at which reading fails."""
        try:
            with translated():
                return {row[0]: row for row in self._db.query(text, (first, last))}, set()
        except HeadwaterError:
            if first == last:
                return {}, {first}
        middle = (first + last) // 2
        left, right = self._rows(text, first, middle), self._rows(text, middle + 1, last)
        return left[0] | right[0], left[1] | right[1]

    def _tried(self, text: str) -> list[Row]:
        try:
            with translated():
                return self._db.query(text)
        except HeadwaterError:
            return []

    def _lose(self, position: int) -> None:
        if self.lost and self.lost[-1].last == position - 1:
            self.lost[-1] = Range(self.lost[-1].first, position)
        else:
            self.lost.append(Range(position, position))


def _most_positions(path: Path) -> int:
    """No more rows than fit: a position beyond is no position, but a byte that has changed."""
    log = path.with_name(path.name + "-wal")
    size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    return size // 32


def _open(path: Path) -> Connection:
    """With what the write-ahead log holds; without, where that cannot be opened."""
    reason = ""
    for name in (str(path.absolute()), path.absolute().as_uri() + "?immutable=1"):
        try:
            with translated():
                db = Connection(name, read_only=True)
                try:
                    db.pragma("writable_schema = ON")  # else a file that was cut is not read at all
                    if db.query("SELECT 1 FROM sqlite_schema WHERE name = 'event_body'"):
                        return db
                except BaseException:
                    db.close()
                    raise
                db.close()
        except HeadwaterError as error:
            reason = error.message
        else:
            reason = "it has no table of events"
    raise StoreError(f"nothing can be read of {path}: {reason}")


def set_aside(path: Path) -> Path:
    """Keeps a damaged file under another name, with its write-ahead log; returns that name.

    The file itself stays where it is too, for the new one to take its place in one step.
    """
    kept = path.with_name(path.name + ".damaged")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.damaged-{number}")
    kept.hardlink_to(path)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        log.rename(kept.with_name(kept.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    return kept
