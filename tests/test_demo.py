from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import raskt
from _schedulers import Program
from click.testing import CliRunner
from raskt import cli, demo
from raskt.demo import data, sales, words


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "ROWS_PER_TABLE", 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "raskt" / "demo"


# --- the whole ----------------------------------------------------------------------


def test_the_demonstration_writes_what_it_says(tmp_path, capsys):
    demo.main(["--files", "7", "--scheduler", "sync", "--out", "made/here"])
    text = capsys.readouterr().out
    folder = Path("made/here")
    said = re.findall(r"^  (\S*here\S*)", text, re.MULTILINE)
    assert sorted(map(Path, said)) == sorted(folder.iterdir())
    assert len(said) == 6
    assert text.count("equal to plain Python") == text.count("100% Completed") == 2
    assert (folder / "words.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "words.svg").read_text().count("count_words") >= 7
    assert "<svg" in (folder / "profile.html").read_text()


def test_sales_are_right_by_another_way(capsys):
    demo.main(["--files", "3", "--scheduler", "threads"])
    tables = data.tables(3, seed=1)
    with tables.products.open() as file:
        category = dict(list(csv.reader(file))[1:])
    revenue: Counter = Counter()
    orders: Counter = Counter()
    rows = 0
    for path in tables.orders:
        lines = path.read_text().splitlines()[1:]
        rows += len(lines)
        for line in lines:
            found = re.fullmatch(
                r"\d+,(\d{4}-\d\d)-\d\d,(\w+),(\d),(\d+)\.(\d\d)", line
            )
            if found and found[2] in category:
                group = found[1], category[found[2]]
                orders[group] += 1
                revenue[group] += int(found[3]) * int(found[4] + found[5])
    with Path("out/sales.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(orders) > 50
    for row in table:
        group = row["month"], row["category"]
        assert int(row["orders"]) == orders[group]
        assert row["revenue"] == f"{revenue[group] / 100:.2f}"
    summary = json.loads(Path("out/sales.json").read_text())
    assert summary["rows"] == rows == 300
    assert summary["broken"] == rows - orders.total() > 0
    assert summary["revenue"] == revenue.total() / 100


def test_words_are_right_by_another_way():
    demo.main(["--files", "5", "--scheduler", "sync"])
    counts: Counter = Counter()
    for path in data.texts(5, 1):
        text = path.read_text(errors="replace").lower()
        counts.update(filter(None, re.split(r"[\W\d_]+", text)))
    found = json.loads(Path("out/words.json").read_text())
    assert found == {word: counts[word] for word in found}
    assert sorted(found.values(), reverse=True) == [
        count for _, count in counts.most_common(len(found))
    ]


def test_in_processes(capsys):
    with raskt.config.set(num_workers=2):
        demo.main(["--files", "4"])
    assert capsys.readouterr().out.count("equal to plain Python") == 2


def test_the_command(tmp_path):
    options = ["--files", "2", "--scheduler", "sync", "--out", "x"]
    done = CliRunner().invoke(cli.cli, ["demo", *options])
    assert done.exit_code == 0, done.output
    assert Path("x/sales.csv").exists()


def test_a_wrong_result_is_not_passed_over(monkeypatch):
    monkeypatch.setattr(words, "counted_serially", lambda paths: Counter())
    with pytest.raises(SystemExit, match="NOT EQUAL"):
        demo.main(["--files", "2", "--scheduler", "sync"])


@pytest.mark.parametrize(
    "options", [["--files", "0"], ["--scheduler", "magic"], ["--bogus"]]
)
def test_wrong_options_are_errors(options, capsys):
    with pytest.raises(SystemExit) as error:
        demo.main(options)
    assert error.value.code == 2
    assert "usage: raskt demo" in capsys.readouterr().err


def test_numpy_is_not_needed():
    code = """if 1:
        import sys
        sys.modules.update(dict.fromkeys(["numpy", "pandas", "psutil", "IPython"]))
        from raskt import demo
        demo.main(["--files", "1", "--scheduler", "sync"])
        """
    with Program(code) as program:
        assert "Written:" in program.finish()


# --- parts --------------------------------------------------------------------------


def test_tables_are_made_once_and_of_the_seed(cache):
    first = data.tables(2, seed=1)
    texts = [path.read_text() for path in first.orders]
    times = [path.stat().st_mtime_ns for path in first.orders]
    again = data.tables(2, seed=1)
    assert again == first
    assert [path.stat().st_mtime_ns for path in again.orders] == times
    assert [path.read_text() for path in data.tables(2, seed=2).orders] != texts
    assert all(cache in path.parents for path in first.orders)
    assert len(list(cache.iterdir())) == 2


def test_what_was_not_finished_is_not_used(cache):
    def fail(folder):
        (folder / "half").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        data._made("x", fail)
    assert list(cache.iterdir()) == []


def test_the_cache_may_be_impossible(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(data.tables(2, seed=1).orders) == 2


def test_pages_are_made_where_there_is_no_text(monkeypatch, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr(data, "_folders", lambda: [empty])
    (empty / "one.txt").write_text("hello")
    (empty / "image.png").write_bytes(b"x")
    paths = data.texts(4, seed=3)
    assert paths[0] == empty / "one.txt"
    assert len(paths) == 4
    assert paths == data.texts(4, seed=3)
    assert words.counted_serially(paths).total() > 8000


@pytest.mark.parametrize("at_once", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 9])
def test_words_are_merged_in_a_tree(tmp_path, count, at_once):
    paths = []
    for number in range(count):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_text(
            f"Word word w{number} {chr(97 + number)}, the_end \xe9t\xe9"
        )
    lazy = words.counted([[path] for path in paths], at_once)
    counts = lazy.compute(scheduler="sync")
    assert counts == words.counted_serially(paths)
    assert counts["word"] == 2 * count
    assert counts["été"] == counts["end"] == count


def test_batches_are_of_some_size(tmp_path, monkeypatch):
    monkeypatch.setattr(words, "BATCH_BYTES", 10)
    paths = []
    for number, size in enumerate([4, 4, 4, 30, 1]):
        paths.append(tmp_path / str(number))
        paths[-1].write_text("x" * size)
    sizes = [len(batch) for batch in words.in_batches(paths)]
    assert sizes == [3, 1, 1]


@pytest.mark.parametrize(
    "row",
    [
        ["1", "2025-01-02", "kite", "2"],
        ["1", "2025-01-02", "kite", "two", "1.50"],
        ["1", "2025-01-02", "kite", "0", "1.50"],
        ["1", "soon", "kite", "2", "1.50"],
        ["1", "2025-01-02", "", "2", "1.50"],
        ["1", "2025-01-02", "kite", "2", "free"],
        [],
    ],
)
def test_broken_rows_are_counted(row):
    good = ["1", "2025-01-02", "kite", "2", "1.50"]
    assert sales.clean([good, row]) == sales.Orders([("2025-01", "kite", 2, 300)], 1)


def test_unknown_products_are_broken_rows():
    orders = sales.Orders([("2025-01", "kite", 2, 300), ("2025-01", "sun", 1, 5)], 3)
    totals = sales.join(orders, {"kite": "toys"})
    assert totals == sales.Totals(5, 4, {("2025-01", "toys"): (1, 2, 300)})
