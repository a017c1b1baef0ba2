"""How far an import is: kept line by line, read as far as it is whole."""

from pathlib import Path

import pytest

from headwater.ids import dataset, job
from headwater.importing.journal import Head, Journal, Line
from headwater.importing.names import Names, Step

HEAD = Head("http://marquez:5000", "/data/hw.db")
STEP = Step((job("ns", "load"),), ((dataset("hive", "t"), dataset("s3://b", "t")),))


def written(path: Path) -> None:
    with Journal(path, HEAD).open(Names()) as journal:
        journal.note(Line("7", 100, 1, STEP))
        journal.note(Line("9", 200, 2, Step((job("ns", "next"),))))


def read(path: Path, head: Head = HEAD) -> tuple[Journal, Names]:
    names = Names()
    with Journal(path, head).open(names) as journal:
        return journal, names


def test_what_is_noted_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "hw.import"
    assert read(path)[0].resumed is False
    written(path)
    journal, names = read(path)
    assert (journal.cursor, journal.events, journal.last) == ("9", 200, 2)
    assert (journal.resumed, journal.complete) == (True, False)
    assert names.own == {job("ns", "load"), job("ns", "next")}
    assert names.ours(dataset("hive", "t")) == {dataset("s3://b", "t")}


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_torn_last_line_is_not_read_and_is_written_over(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "hw.import"
    written(path)
    path.write_bytes(path.read_bytes()[:-cut])
    journal, names = read(path)
    assert (journal.cursor, journal.events) == ("7", 100)
    assert job("ns", "next") not in names.own
    with Journal(path, HEAD).open(Names()) as again:
        again.note(Line("8", 150, 2, complete=True))
    assert read(path)[0].complete is True


def test_another_import_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "hw.import"
    written(path)
    journal, names = read(path, Head("http://other:5000", "/data/hw.db"))
    assert (journal.cursor, journal.resumed, names.own) == (None, False, set())
    assert read(path)[0].resumed is False


def test_it_goes_when_the_import_is_done(tmp_path: Path) -> None:
    path = tmp_path / "hw.import"
    with Journal(path, HEAD).open(Names()) as journal:
        journal.remove()
    assert not path.exists()
