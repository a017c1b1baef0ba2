"""Every route of every dialect, asked with whatever a description allows, and with what it does not.

No answer is a 5xx or a redirect, each is as the description says, and all errors of a dialect have
one shape.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from headwater.dialects import openlineage  # noqa: F401 # the packages under test
from headwater.http.message import Dialect, Route
from tests.contract.events import (
    column_lineage,
    dataset,
    documentation,
    parent,
    run_event,
    schema,
    symlinks,
)
from tests.e2e.serving import Server

EXAMPLES = 12
CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
