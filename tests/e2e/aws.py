"""AWS clients against a started server: boto3, an old botocore, the aws command, the SDK for
JavaScript. `make test` installs those that are not in `.venv`."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from headwater.dialects.datazone.names import domain_name
from tests.e2e.serving import PATIENCE, Server, clean_environment

ROOT = Path(__file__).parents[2]
DOMAIN = domain_name("default")
ANY_KEY = ("AKIDEXAMPLE", "anything")
"""What an open server takes: clients do not go without."""
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
RUN = "01a1f6c4-93d8-7e15-9d9f-7270fa5716a2"
TIME = "2026-11-20T08:00:00.123456Z"


class Key(NamedTuple):
    id: str
    secret: str
    token: str | None = None


def boto(url: str, key: tuple[str, str] | Key = ANY_KEY, **config: Any) -> Any:
    """boto3's client as it comes; only the waits between its attempts are none."""
    return boto3.client(
        "datazone",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        aws_session_token=key[2] if len(key) > 2 else None,
        config=Config(**config),
    )


def make_key(hw: Server, *scopes: str, domain: str = "default") -> Key:
    words = [word for scope in scopes for word in ("--scope", scope)]
    out = hw.command("keys", "create", "--format", "json", "--domain", domain, *words)
    made = json.loads(out)
    return Key(made["id"], made["secret"])


def event(
    *,
    kind: str = "COMPLETE",
    time: str = TIME,
    run: str = RUN,
    namespace: str = "ns",
    job: str = "job",
    inputs: tuple[tuple[str, str], ...] = (("ns", "in"),),
    outputs: tuple[tuple[str, str], ...] = (("ns", "out"),),
    run_facets: dict[str, Any] | None = None,
    facets: dict[str, Any] | None = None,
) -> bytes:
    """A run event. `facets` are of each output."""
    said: dict[str, Any] = {
        "eventType": kind,
        "eventTime": time,
        "producer": "https://example.com/etl",
        "schemaURL": SPEC,
        "run": {"runId": run, "facets": run_facets or {}},
        "job": {"namespace": namespace, "name": job},
        "inputs": [{"namespace": each, "name": name} for each, name in inputs],
        "outputs": [
            {"namespace": each, "name": name, "facets": facets or {}} for each, name in outputs
        ],
    }
    return json.dumps(said).encode()


def facet(**members: Any) -> dict[str, Any]:
    return {
        "_producer": "https://example.com/etl",
        "_schemaURL": "https://example.com/f",
        **members,
    }


def schema(*columns: str) -> dict[str, Any]:
    return {"schema": facet(fields=[{"name": name, "type": "TEXT"} for name in columns])}


def code_of(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


class Js:
    """The SDK for JavaScript in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        """The output; a Date comes as a datetime, bytes as bytes. Raises JsError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = {"operation": operation, "input": _sent(given)}
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline(), object_hook=_told)
        if "error" in said:
            raise JsError(said["error"])
        output: dict[str, Any] = said["output"]
        return output


class JsError(Exception):
    """What the SDK threw."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.name: str = said["name"]
        self.status: int | None = said.get("httpStatusCode")
        self.attempts: int | None = said.get("attempts")
        super().__init__(f"{self.name}: {said.get('message')}")


def _sent(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"date": value.isoformat()}
    if isinstance(value, dict):
        return {name: _sent(each) for name, each in value.items()}
    return [_sent(each) for each in value] if isinstance(value, list) else value


def _told(value: dict[str, Any]) -> Any:
    if value.keys() == {"date"}:
        return datetime.fromisoformat(value["date"])
    return base64.b64decode(value["bytes"]) if value.keys() == {"bytes"} else value


def _node() -> str:
    own = ROOT / ".venv-node/bin/node"
    found = str(own) if own.exists() else shutil.which("node")
    assert found is not None, "make test installs Node"
    return found


@contextmanager
def javascript(
    url: str, home: Path, key: tuple[str, str] | Key = ANY_KEY, skew: int = 0
) -> Iterator[Js]:
    """Args: skew: how many milliseconds the clock of the client is ahead."""
    given = {"endpoint": url, "keyId": key[0], "secret": key[1], "skew": skew}
    if len(key) > 2:
        given["token"] = key[2]
    process = subprocess.Popen(
        [_node(), str(ROOT / "tests/js/datazone.mjs"), json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(home),
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            yield Js(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE)


def run_in(venv: str, home: Path, *command: str, **variables: str) -> str:
    """A command of one of the venvs beside `.venv`; its output when it ends well."""
    path = ROOT / venv / "bin"
    done = subprocess.run(
        [str(path / command[0]), *command[1:]],
        env=clean_environment(home)
        | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
        | variables,
        cwd=home,
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout.decode()


def aws_variables(url: str, key: tuple[str, str] | Key = ANY_KEY) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_DATAZONE": url,
        "AWS_ACCESS_KEY_ID": key[0],
        "AWS_SECRET_ACCESS_KEY": key[1],
        "PATH": os.environ["PATH"],
    }
