import msgspec
import pytest

from headwater.dialects.openlineage.salvage import Reader


class Item(msgspec.Struct):
    name: str
    note: str | None = None
    items: list["Item"] | None = None


class Shelf(msgspec.Struct):
    items: list[Item] | None = None
    named: dict[str, Item] | None = None
    tags: tuple[str, ...] = ()
    full: bool = False


reader = Reader(Shelf)


@pytest.mark.parametrize(
    ("raw", "value", "problems"),
    [
        (b"{}", Shelf(), []),
        (b"[]", None, [("/x", "expected an object, got an array")]),
        (
            b'{"items": [{"name": "a"}, {"note": "b"}, 5]}',
            Shelf(items=[Item("a")]),
            [
                ("/x/items/1/name", "missing"),
                ("/x/items/2", "expected an object, got a number"),
            ],
        ),
        (
            b'{"items": [{"name": "a", "note": 1e999}]}',
            Shelf(items=[Item("a")]),
            [("/x/items/0/note", "expected a string, got a number")],
        ),
        (
            b'{"items": [5], "full": true}',
            Shelf(full=True),
            [("/x/items/0", "expected an object, got a number")],
        ),
        (
            b'{"named": {"a/b~": null, "c": {"name": "c"}}}',
            Shelf(named={"c": Item("c")}),
            [("/x/named/a~1b~0", "expected an object, got null")],
        ),
        (
            b'{"tags": ["a", null, "b"], "full": "yes"}',
            Shelf(tags=("a", "b")),
            [
                ("/x/tags/1", "expected a string, got null"),
                ("/x/full", "expected a boolean, got a string"),
            ],
        ),
        (
            b'{"items": [{"name": "a", "items": [{"name": "b", "items": null}, {}]}]}',
            Shelf(items=[Item("a", items=[Item("b")])]),
            [("/x/items/0/items/1/name", "missing")],
        ),
    ],
)
def test_keeps_the_parts_that_fit(
    raw: bytes, value: Shelf | None, problems: list[tuple[str, str]]
) -> None:
    found: list[tuple[str, str]] = []
    assert reader.read(raw, "/x", lambda *problem: found.append(problem)) == value
    assert found == problems


def test_what_is_nested_very_deeply_is_lost_from_there_on() -> None:
    found: list[tuple[str, str]] = []
    raw = b'{"items": [{"name": "a", "items": ' + b'[{"name": "a", "items": ' * 200
    raw += b"5" + b"}]" * 201 + b"}"
    assert reader.read(raw, "", lambda *problem: found.append(problem)) is not None
    assert {reason for _, reason in found} == {"nested too deeply to be understood"}
