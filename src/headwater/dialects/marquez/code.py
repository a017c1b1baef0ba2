"""What jobs say that they run: SQL and source code, searched by their words.

No index holds these texts. They are read from the log once and remembered by the digest of their
facet, which the store knows for every job; so what is searched is always what holds now (decision
0022).
"""

import re
from collections.abc import Collection, Iterator, Mapping

import msgspec

from headwater import mask
from headwater.dialects.marquez.questions import Question
from headwater.ids import Key, NodeKind, digest_of
from headwater.slices import StatedFacet
from headwater.store import LoggedEvent

MEMBERS = {"sql": "query", "sourceCode": "sourceCode"}
"""The facets that hold code, and the member of each that is the text."""
EVENTS = 100
"""How many events are read at once."""
FRAGMENT, FRAGMENTS = 100, 5
"""As OpenSearch shows a long text: so many characters, and so many parts of it."""


class _Facets(msgspec.Struct):
    sql: msgspec.Raw = msgspec.Raw(b"")
    source_code: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="sourceCode")


class _Job(msgspec.Struct):
    facets: _Facets


class _Body(msgspec.Struct):
    """As much of an event as states code: its columns are not made out."""

    job: _Job


_body = msgspec.json.Decoder(_Body)


async def jobs_with(asked: Question, words: str, most: int, but: Collection[Key]) -> list[Key]:
    """The jobs whose code holds the words, by namespace and name; case and white space are alike.

    Args:
        but: jobs that are left out.
    """
    needle, known = folded(words), asked.memory.code.get

    def lacks(digest: bytes) -> bool:
        text = known(digest)
        return text is not None and needle not in text

    found: dict[Key, None] = {}
    async for part in asked.browser.stated_facets(asked.domain, NodeKind.JOB, MEMBERS, lacks):
        texts = {each.digest: known(each.digest) for each in part}
        texts |= await _read(asked, [each for each in part if texts[each.digest] is None])
        held = [each.node for each in part if needle in (texts[each.digest] or "")]
        found |= dict.fromkeys(key for key in held if key not in but)
        if len(found) >= most:
            break
    return list(found)[:most]


async def _read(asked: Question, missing: Collection[StatedFacet]) -> dict[bytes, str]:
    """The texts of facets, as they are searched, by digest."""
    wanted = {each.digest: each.name for each in missing}
    places = await asked.browser.facet_places({each.node for each in missing})
    positions = sorted({position for each in places.values() for position in each})
    found: dict[bytes, str] = {}
    for at in range(0, len(positions), EVENTS):
        bodies = await asked.browser.bodies(positions[at : at + EVENTS])
        for logged in bodies.values():
            for body in _facets(asked, logged, wanted.keys()):
                digest = digest_of(body)
                found[digest] = folded(text_of(wanted[digest], mask.masked(body)))
    for digest, text in found.items():
        asked.memory.code.put(digest, text)
    return found


def _facets(asked: Question, logged: LoggedEvent, wanted: Collection[bytes]) -> Iterator[bytes]:
    """The facets of a job in an event that are wanted."""
    try:
        said = _body.decode(logged.body).job.facets
        bodies = [bytes(said.sql), bytes(said.source_code)]
    except (msgspec.DecodeError, UnicodeDecodeError):  # what only a lenient reader can read
        event = asked.log.decode(logged)
        facets = event.job.facets if event is not None and event.job is not None else ()
        bodies = [facet.body for facet in facets]
    return (body for body in bodies if digest_of(body) in wanted)


def text_of(facet: str, body: bytes) -> str:
    """What a facet of this name says is run; nothing where it has another shape."""
    stated = mask.document(body)
    text = stated.get(MEMBERS[facet]) if isinstance(stated, dict) else None
    return text if isinstance(text, str) else ""


def folded(text: str) -> str:
    """As texts are compared."""
    return " ".join(text.casefold().split())


def highlights(facets: Mapping[str, msgspec.Raw], pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """Where the code among these facets matches, by the path that OpenSearch names."""
    found: dict[str, list[str]] = {}
    for name, member in MEMBERS.items():
        if name in facets:
            parts = list(_fragments(text_of(name, bytes(facets[name])), pattern))
            if parts:
                found[f"facets.{name}.{member}"] = parts
    return found


def _fragments(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """The parts of a text around its first matches, which do not overlap."""
    end = count = 0
    for match in pattern.finditer(text):
        if match.start() >= end and count < FRAGMENTS:
            around = (FRAGMENT - (match.end() - match.start())) // 2
            start = max(end, min(match.start() - max(around, 0), len(text) - FRAGMENT))
            end = max(match.end(), start + FRAGMENT)
            count += 1
            yield text[start:end]
