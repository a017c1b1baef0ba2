"""One server for the tests of a module; each test has names of its own on it."""

from collections.abc import Iterator

import pytest

from tests.e2e.serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hostile"), access_log=False) as running:
        yield running
        assert "Traceback" not in running.log()
