"""Hides secrets in what is shown. What is stored stays as it came.

Masked are the password of an address (`scheme://user:password@host`), parameters of an address or a
connection text that are named like a secret, environment variables that are named like one, and
members of any facet that are. Namespaces stay: they are names, and links would break.
"""

import json
import re

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
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://[^\s:/?#@]*):[^\s/?#]*@")
_BARE_USER = re.compile(r"(https?://)[^\s:/?#@]+@", re.IGNORECASE)
_WORDS = (
    r"passw(?:or)?d|passphrase|pwd|secret|token|credential|"
    r"api[-_.]?key|access[-_.]?key|private[-_.]?key|account[-_.]?key|signature"
)
_PARAMETER = re.compile(
    rf"((?:^|[?&;,\s])(?:[\w.\-]*(?:{_WORDS})[\w.\-]*|sig)\s*=\s*)(?![\s=])[^&;,#\s\"']+",
    re.IGNORECASE,
)
_SECRET = re.compile(rf"{_WORDS}|\bauthorization\b", re.IGNORECASE)
_VARIABLE = re.compile(rf"{_WORDS}|passw|key|authorization", re.IGNORECASE)
_ENVIRONMENT = frozenset({"environmentVariables", "environment-properties"})


def text(value: str) -> str:
    """The text without the secrets of the addresses in it."""
    if "://" in value:
        value = _USERINFO.sub(rf"\1:{MASK}@", value)
        value = _BARE_USER.sub(rf"\g<1>{MASK}@", value)
    if "=" in value:
        value = _PARAMETER.sub(rf"\g<1>{MASK}", value)
    return value


def document(raw: bytes) -> object:
    """Any body that was accepted, as plain values: what JSON cannot say (`NaN`) is None."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        lenient = raw.decode("utf-8-sig", "replace")
        return json.loads(lenient, parse_constant=lambda _: None)


def masked(raw: bytes) -> bytes:
    """The same JSON without its secrets; always strict JSON in UTF-8."""
    lower = raw.lower()
    if not any(hint in lower for hint in _HINTS):
        try:
            msgspec.json.decode(raw, type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            return raw
    return encoded(_value(document(raw), environment=False))


def encoded(value: object) -> bytes:
    """JSON of plain values, lone surrogates included."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _value(value: object, environment: bool) -> object:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_value(item, environment) for item in value]
    if isinstance(value, dict):
        return _members(value, environment)
    return value


def _members(members: dict[str, object], environment: bool) -> dict[str, object]:
    """`environment`: the members, or the name and value pairs, are environment variables."""
    named = members.get("name")
    hidden = environment and isinstance(named, str) and _VARIABLE.search(named) is not None
    secret = _VARIABLE if environment else _SECRET
    result: dict[str, object] = {}
    for name, value in members.items():
        inside = environment or name in _ENVIRONMENT
        if isinstance(value, dict | list):
            result[name] = _value(value, inside)
        elif value is None or isinstance(value, bool) or not _shows(name, members):
            result[name] = value
        elif (hidden and name == "value") or secret.search(name):
            result[name] = MASK
        else:
            result[name] = _value(value, inside)
    return result


def _shows(name: str, members: dict[str, object]) -> bool:
    """Whether a member is more than a part of a node's identity."""
    return name != "namespace" and not (name == "name" and "namespace" in members)
