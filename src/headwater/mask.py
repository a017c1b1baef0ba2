"""Hides secrets in what is shown. What is stored stays as it came.

Masked are the password of an address (`scheme://user:password@host`), parameters of an address or a
connection text that are named like a secret, environment variables that are named like one, and
members of any facet that are. Namespaces stay: they are names, and links would break.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping

import msgspec

MASK = "***"

_HINTS = (
    *(b"passw", b"passphrase", b"pwd", b"secret", b"token", b"credential", b"signature", b"sig="),
    *(b"authorization", b"environmentvariables", b"environment-properties", b"@", b"\\u00"),
    *(
        f"{of}{by}key".encode()
        for of in ("api", "access", "private", "account")
        for by in ("", *"-_.")
    ),
)
# Texts come from outside: each pattern passes a character a bounded number of times.
_USERINFO = re.compile(r"(?<=[A-Za-z0-9+.\-])(://[^\s:/?#@]*+):[^\s/?#]*@")
_BARE_USER = re.compile(r"(https?://)[^\s:/?#@]++@", re.IGNORECASE)
_WORDS = (
    r"passw(?:or)?d|passphrase|pwd|secret|token|credential|"
    r"api[-_.]?key|access[-_.]?key|private[-_.]?key|account[-_.]?key|signature"
)
_PARAMETER = re.compile(r"(?:^|(?<=[?&;,\s]))([\w.\-]++)\s*+=\s*+([^&;,#\s\"'=]?)")
_PARAMETER_NAME = re.compile(rf"{_WORDS}|\Asig\Z", re.IGNORECASE)
_PARAMETER_VALUE = re.compile(r"[^&;,#\s\"']*+")
_SECRET = re.compile(rf"{_WORDS}|\bauthorization\b", re.IGNORECASE)
_VARIABLE = re.compile(rf"{_WORDS}|passw|key|authorization", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = 4_000
"""Python reads no longer integer."""
_ENVIRONMENT = frozenset({"environmentVariables", "environment-properties"})


def text(value: str) -> str:
    """The text without the secrets of the addresses in it."""
    if "://" in value:
        value = _USERINFO.sub(rf"\1:{MASK}@", value)
        value = _BARE_USER.sub(rf"\g<1>{MASK}@", value)
    if "=" in value:
        value = _parameters(value)
    return value


def _parameters(value: str) -> str:
    parts: list[str] = []
    done = at = 0
    while match := _PARAMETER.search(value, at):
        at = match.start(2)  # what is not hidden may hold parameters itself
        if match[2] and _PARAMETER_NAME.search(match[1]):
            parts += value[done:at], MASK
            behind = _PARAMETER_VALUE.match(value, at)
            done = at = at if behind is None else behind.end()
    return "".join((*parts, value[done:]))


def document(raw: bytes) -> object:
    """Any body that was accepted, as plain values: a number that JSON cannot say is None."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        lenient = raw.decode("utf-8-sig", "replace")
        return json.loads(
            lenient, strict=False, parse_constant=_nothing, parse_float=_float, parse_int=_int
        )


def strict(raw: bytes) -> bytes:
    """The body as it came where that is strict JSON in UTF-8; else the JSON that it stands for."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return encoded(document(raw))
    return raw


def masked(raw: bytes) -> bytes:
    """The same JSON without its secrets; always strict JSON in UTF-8."""
    return encoded(_hide(document(raw))) if _suspicious(raw.lower()) else strict(raw)


def masked_each(bodies: Mapping[str, bytes]) -> dict[str, bytes]:
    """Each of the bodies as `masked` gives it; those that hold no secret are looked at together."""
    if not bodies:
        return {}
    show = masked if _suspicious(b"\0".join(bodies.values()).lower()) else strict
    return {name: show(body) for name, body in bodies.items()}


def _suspicious(lower: bytes) -> bool:
    for hint in _HINTS:  # noqa: SIM110 (a third of the time of any(), for each facet of an answer)
        if hint in lower:
            return True
    return False


def encoded(value: object) -> bytes:
    """JSON of plain values; half a surrogate pair becomes U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", written).encode()


def _nothing(_: str) -> None:
    return None


def _float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _int(digits: str) -> int | None:
    return int(digits) if len(digits) < _DIGITS else None


def _hide(root: object) -> object:
    """Hides the secrets in place; without recursion, for a body may be nested deeply."""
    top = [root]
    todo: list[tuple[list[object] | dict[str, object], bool]] = [(top, False)]
    while todo:
        container, environment = todo.pop()
        if isinstance(container, dict):
            todo.extend(_hide_members(container, environment))
            continue
        for at, value in enumerate(container):
            if isinstance(value, str):
                container[at] = text(value)
            elif isinstance(value, dict | list):
                todo.append((value, environment))
    return top[0]


def _hide_members(
    members: dict[str, object], environment: bool
) -> Iterator[tuple[list[object] | dict[str, object], bool]]:
    """Hides the secrets of one object and yields what is nested in it.

    `environment`: its members, or its name and value pairs, are environment variables.
    """
    named = members.get("name")
    hidden = environment and isinstance(named, str) and _VARIABLE.search(named) is not None
    secret = _VARIABLE if environment else _SECRET
    for name, value in members.items():
        if isinstance(value, dict | list):
            yield value, environment or name in _ENVIRONMENT
        elif value is None or isinstance(value, bool) or _identifies(name, members):
            continue
        elif (hidden and name == "value") or secret.search(name):
            members[name] = MASK
        elif isinstance(value, str):
            members[name] = text(value)


def _identifies(name: str, members: dict[str, object]) -> bool:
    """Whether a member is a part of the name of a node."""
    return name == "namespace" or (name == "name" and "namespace" in members)
