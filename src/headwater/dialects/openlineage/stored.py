"""Decodes again what was accepted before: leniently, whatever the settings are now."""

import threading

from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Event

NAMES = 1 << 20
MEMO = 4 << 20
DIALECTS = frozenset({"openlineage", "native", "marquez", "datazone", "dataarts"})
"""The dialects whose events are OpenLineage's."""


class StoredEvents:
    """Questions run in threads of the store, and a decoder remembers: each thread has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    def decode(self, body: bytes) -> Event:
        """Raises InvalidRequest for what was kept although it cannot be decoded."""
        decoder: Decoder | None = getattr(self._local, "decoder", None)
        if decoder is None:
            decoder = self._local.decoder = Decoder(name_limit=NAMES, memo_bytes=MEMO)
        return decoder.decode(body)
