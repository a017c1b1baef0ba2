"""The bundled demo events: OpenLineage, one event a line, written by `scripts/make_samples.py`."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def paths() -> list[Traversable]:
    """The bundled files, by name."""
    found = (path for path in files(__name__).iterdir() if path.name.endswith(".ndjson"))
    return sorted(found, key=lambda path: path.name)
