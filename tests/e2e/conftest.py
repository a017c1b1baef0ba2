"""A server of its own for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Server, serving


@pytest.fixture
def hw(tmp_path: Path) -> Iterator[Server]:
    """A started server on an empty database; it is stopped by SIGTERM and has to exit with 0."""
    folder = tmp_path / "server"
    folder.mkdir()
    with serving(folder) as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
