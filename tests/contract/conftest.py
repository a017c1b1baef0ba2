"""Every store passes the same suite: a test here takes `opener` and runs once for each."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.stores.sqlite import open_store

Opener = Callable[[Path], Awaitable[Any]]

STORES: dict[str, Opener] = {
    "sqlite": open_store,
    "sqlite-apart": partial(open_store, apart=True),
}


@pytest.fixture(params=sorted(STORES))
def opener(request: pytest.FixtureRequest) -> Opener:
    return STORES[request.param]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
