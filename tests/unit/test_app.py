"""The composition root: which store a location names."""

import pytest

from headwater.app import store_of
from headwater.errors import InvalidParameter


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("headwater.db", "headwater.db"),
        ("/var/lib/head water.db", "/var/lib/head water.db"),
        ("sqlite:///var/lib/head%20water.db", "/var/lib/head water.db"),
        ("SQLite:////var/x.db", "//var/x.db"),
        ("C:\\data\\x.db", "C:\\data\\x.db"),
        ("a:b.db", "a:b.db"),
    ],
)
def test_a_path_or_a_sqlite_url_is_a_file(location: str, path: str) -> None:
    assert store_of(location) == ("sqlite", path)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("postgres://host/db", "not available yet"),
        ("postgresql://host/db", "not available yet"),
        ("mysql://host/db", "mysql:// is not known"),
        ("sqlite://x.db", "names no host"),
    ],
)
def test_other_databases_are_refused_by_name(location: str, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=reason):
        store_of(location)
