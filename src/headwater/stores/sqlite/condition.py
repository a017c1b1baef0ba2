"""How the writing side of a database stands, whichever process it is in."""

import logging
import time
from pathlib import Path

from headwater.errors import DatabaseDamaged
from headwater.stores.sqlite.changes import Changes

DAMAGED_SECONDS = 60
"""When to ask again of a damaged database; only a person can mend it."""
PROBE_SECONDS = 30.0
"""After so long without a write, whether one would succeed is found by trying."""

_log = logging.getLogger(__name__)


class Condition:
    """Changed by the writer's thread, and by who finds damage; read by all.

    `failure` says why the last attempt to write failed; `wrote_at` is of the monotonic clock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.failure: str | None = None
        self.damaged = False
        self.wrote_at = float("-inf")
        self.changes = Changes()

    @property
    def doubtful(self) -> bool:
        """Whether only a try can tell that a write would succeed."""
        return self.failure is not None or time.monotonic() - self.wrote_at > PROBE_SECONDS

    def condemn(self, error: DatabaseDamaged) -> None:
        """Damage was found, by whomever: nothing is written from now on."""
        if not self.damaged:
            self.damaged = True
            self.failure = error.message
            _log.error(
                "%s: %s. Nothing is written to it any more. Stop the server; 'headwater verify' "
                "says what is wrong, 'headwater rebuild' and 'headwater export --salvage' are the "
                "ways out.",
                self._path,
                error.message,
            )
