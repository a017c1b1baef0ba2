"""What every dialect is given to work with."""

from collections.abc import Callable

import msgspec

from headwater.ingest import Ingest
from headwater.settings import Settings
from headwater.store import Store
from headwater.telemetry import Telemetry


class Context(msgspec.Struct, frozen=True):
    """The parts of the running server; `clock` gives microseconds since 1970-01-01 UTC."""

    store: Store
    ingest: Ingest
    settings: Settings
    telemetry: Telemetry
    clock: Callable[[], int]
