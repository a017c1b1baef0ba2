"""What the events of a run say up to one of them: for its version, its neighbours and its forms."""

from collections.abc import Sequence
from typing import NamedTuple

from headwater import history
from headwater.dialects.datazone import around
from headwater.dialects.datazone.places import Finder
from headwater.dialects.openlineage.log import Log
from headwater.event import Received
from headwater.history import RunDetail
from headwater.ids import digest_of
from headwater.projection import Projector
from headwater.records import Content, Stamp
from headwater.store import Version

READ = 500
"""Of a run that never ends, the newest so many events are read."""


class RunState(NamedTuple):
    """A run at a version; `complete` is false where it has more events than are read."""

    said: around.Said | None
    detail: RunDetail
    complete: bool


async def state_at(finder: Finder, log: Log, versions: Sequence[Version], until: Stamp) -> RunState:
    """Args: versions: all of the run's, in the order of their stamps."""
    wanted = [version for version in versions if version.stamp <= until]
    positions = [version.position for version in wanted[-READ:]]
    bodies = await finder.reader.bodies(positions)
    projector = Projector()
    stamped, projected = [], []
    for version in wanted[-READ:]:
        logged = bodies[version.position]
        event = log.decode(logged)
        if event is None:
            continue
        digest = digest_of(logged.body, logged.token)
        received = Received(
            finder.domain, logged.dialect, logged.body, digest, event, logged.received_at
        )
        stamped.append((version.stamp, event))
        projected.append(projector.project(received))
    said = around.fold_said(
        (part.run for part in projected if part.run is not None),
        (part.content for part in projected if isinstance(part.content, Content)),
    )
    return RunState(said, history.fold_run(stamped), len(wanted) <= READ)
