"""The dialect: its routes, and the paths below which it answers for what is not there."""

import asyncio

from headwater.auth.principal import Principal
from headwater.dialects.dataarts import errors
from headwater.dialects.dataarts.access import Access
from headwater.dialects.dataarts.assets import Assets
from headwater.dialects.dataarts.bulk import Bulk
from headwater.dialects.dataarts.connections import Connections
from headwater.dialects.dataarts.graphing import Graphing
from headwater.dialects.dataarts.iam import Iam
from headwater.dialects.dataarts.mapping import FileSetting, MapBook, read_file
from headwater.dialects.dataarts.recording import DIALECT, Recorder
from headwater.dialects.dataarts.searching import Searching
from headwater.dialects.dataarts.writing import Writing
from headwater.errors import HeadwaterError
from headwater.http.context import Context
from headwater.http.message import Dialect, Request

OWNS = ("/v1/{project_id}", "/v2/{project_id}/datamap", "/v3/{project_id}")


_DESCRIBED = (
    "What Huawei's SDKs speak (`/v1/{project_id}/`, `/v2/{project_id}/datamap/`, "
    "`/v3/{project_id}/`, `/v3/auth/tokens`, `/v3/projects`) is not described here but in the API "
    "reference of DataArts Studio and IAM; which of it is served, and where it differs, stands in "
    "docs/how-to/point-huawei-clients-at-headwater.md."
)


def dialect(context: Context) -> Dialect:
    """What Huawei's SDKs speak, and their token service.

    Raises:
        InvalidParameter: the file of the setting `connection_map` is not understood.
    """
    access, recorder, maps = Access(context), Recorder(context), MapBook(context.store)
    connections = Connections(context, access, recorder, maps)
    routes = (
        *Iam(context, access).routes(),
        *Writing(context, recorder, maps).routes(),
        *Graphing(context).routes(),
        *Bulk(context).routes(),
        *Searching(context).routes(),
        *Assets(context, recorder).routes(),
        *connections.routes(),
    )
    first = _Once(connections, context)

    async def authenticate(request: Request) -> Principal:
        principal = await access.authenticate(request)
        await maps.refresh(access.directory.version)
        await first.done()
        return principal

    def recognize(request: Request) -> Principal | None:
        known = first.over and maps.version == access.directory.version
        return access.recognized(request) if known else None

    return Dialect(
        DIALECT,
        routes,
        errors.render,
        authenticate,
        OWNS,
        described=_DESCRIBED,
        recognize=recognize,
    )


class _Once:
    """Applies the file of maps when the server starts; whoever asks first waits for its end."""

    def __init__(self, connections: Connections, context: Context) -> None:
        self._task: asyncio.Task[None] | None = None
        self._telemetry = context.telemetry
        if context.settings.connection_map:
            settings = read_file(context.settings.connection_map)
            self._task = asyncio.create_task(self._apply(connections, settings))

    async def _apply(self, connections: Connections, settings: list[FileSetting]) -> None:
        """A map that cannot be set is told in the log, and stops no request."""
        try:
            await connections.apply(settings)
        except HeadwaterError as error:
            self._telemetry.log.warning("connection map not applied", reason=error.message)

    @property
    def over(self) -> bool:
        return self._task is None

    async def done(self) -> None:
        if self._task is not None:
            await asyncio.shield(self._task)
            self._task = None
