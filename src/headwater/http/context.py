"""What every dialect is given to work with."""

from collections.abc import Callable

import msgspec

from headwater.auth.apikeys import KeyRing
from headwater.auth.gate import Gate
from headwater.auth.vault import Vault
from headwater.ingest import Ingest
from headwater.settings import Settings
from headwater.store import Store
from headwater.telemetry import Telemetry


class Context(msgspec.Struct, frozen=True):
    """The parts of the running server; `clock` gives microseconds since 1970-01-01 UTC.

    A dialect with credentials of its own verifies them by `keys` and `vault`, and lets `gate` admit
    who holds them.
    """

    store: Store
    ingest: Ingest
    settings: Settings
    telemetry: Telemetry
    clock: Callable[[], int]
    keys: KeyRing
    gate: Gate
    vault: Vault
