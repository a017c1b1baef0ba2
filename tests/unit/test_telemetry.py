"""Logs and metrics: what is counted is shown, what is logged is one line of JSON."""

import json
import logging
import os
from pathlib import Path

from headwater.telemetry import Line, Telemetry, forward_logging


def test_metrics_show_what_happened() -> None:
    telemetry = Telemetry()
    telemetry.event("openlineage", "run", "accepted")
    telemetry.event("openlineage", "run", "accepted", 2)
    telemetry.committed(3, 0.004)
    telemetry.committed(2_000, 60.0)
    telemetry.request("lineage", 204, 0.2)
    telemetry.gauge("queue_events", "Waiting.", lambda: 7)
    text = telemetry.render({"bytes": 12}).decode().splitlines()
    accepted = 'headwater_events_total{dialect="openlineage",kind="run",outcome="accepted"} 3.0'
    for line in (
        accepted,
        'headwater_commit_events_bucket{le="5.0"} 1.0',
        'headwater_commit_events_bucket{le="+Inf"} 2.0',
        'headwater_commit_seconds_bucket{le="0.005"} 1.0',
        "headwater_commit_seconds_count 2.0",
        "headwater_commit_seconds_sum 60.004",
        'headwater_request_seconds_bucket{le="0.25",operation="lineage",status="2xx"} 1.0',
        "headwater_queue_events 7.0",
        "headwater_database_bytes 12.0",
    ):
        assert line in text


def lines(path: Path, level: str, style: str) -> list[str]:
    with path.open("wb") as file:
        telemetry = Telemetry(level, style, access=True, descriptor=file.fileno())
        telemetry.log.warning("hidden or not", n=1)
        telemetry.unprojectable(ValueError("odd"))
        if telemetry.access:
            telemetry.line(Line("id", "GET", "/a\x1b[2J\n", 200, 1.5, 3, "::1", "HWKEY"))
        telemetry.flush()
    return path.read_text().splitlines()


def test_lines_are_json_and_filtered(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "log", "error", "json")
    found = json.loads(line)
    assert (found["level"], found["event"]) == ("error", "an event could not be projected")
    assert "ValueError: odd" in found["exception"]
    assert found["timestamp"].endswith("Z")


def test_a_line_for_each_request(tmp_path: Path) -> None:
    *_, line = lines(tmp_path / "log", "info", "json")
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "level": "info",
        "event": "request",
        "id": "id",
        "method": "GET",
        "path": "/a\x1b[2J\n",
        "status": 200,
        "ms": 1.5,
        "bytes": 3,
        "client": "::1",
        "key": "HWKEY",
    }
    assert "\x1b" not in line


def test_the_console_shows_no_control_characters(tmp_path: Path) -> None:
    text = lines(tmp_path / "log", "info", "console")
    assert text[-1].endswith(r"GET /a\x1b[2J\n 200 1.5 ms 3 B ::1 id")


def test_a_trace_on_the_console_has_lines_of_its_own(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        telemetry = Telemetry("info", "console", descriptor=file.fileno())
        telemetry.log.failure("failed\x1b[2J", ValueError("odd\x1b[2J"), id="a\nb")
        telemetry.flush()
    first, *trace = (tmp_path / "log").read_text().splitlines()
    assert first.endswith(r"error failed\x1b[2J id='a\nb'")
    assert trace == [r"ValueError: odd\x1b[2J"]


def test_what_libraries_log_is_in_the_same_place(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with (tmp_path / "log").open("wb") as file:
        telemetry = Telemetry("info", descriptor=file.fileno())
        try:
            forward_logging(telemetry)
            logging.getLogger("library").warning("almost %s", "full")
            try:
                raise ValueError("odd")
            except ValueError:
                logging.getLogger("library").exception("failed")
        finally:
            root.handlers[:], root.level = before
        telemetry.flush()
    warning, error = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (warning["level"], warning["event"]) == ("warning", "almost full")
    assert (error["level"], error["event"], error["logger"]) == ("error", "failed", "library")
    assert "ValueError: odd" in error["exception"]


def test_a_closed_stderr_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    telemetry = Telemetry("info", descriptor=writing)
    telemetry.log.warning("nobody hears")
    telemetry.flush()
    os.close(writing)
    telemetry.flush()
