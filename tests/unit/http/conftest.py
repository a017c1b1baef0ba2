"""One server for all tests that do not change it."""

from collections.abc import Iterator

import pytest

from tests.unit.http.serving import Connection, Serving, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(body_bytes=1 << 20, unzipped_bytes=4 << 20) as running:
        yield running


@pytest.fixture
def connection(server: Serving) -> Iterator[Connection]:
    with server.connect() as connected:
        yield connected
