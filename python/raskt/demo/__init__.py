"""The demonstration: real work, checked against plain Python.

``raskt demo`` counts words in the texts that this machine has, and makes a report of
hundreds of tables of sales. Both are computed a second time without raskt, and must be
equal. Then it starts a cluster on this machine and computes with futures. Pictures and
results are left in a folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import raskt
from raskt.demo import data, sales, words
from raskt.diagnostics import Profiler, ProgressBar, visualize
from raskt.system import CPU_COUNT
from raskt.utils import format_bytes, format_time

PICTURE_FILES = 12


def main(argv: Sequence[str] | None = None) -> None:
    """Run the demonstration.

    Parameters
    ----------
    argv : sequence of str, optional
        Options; see ``raskt demo --help``. Default: those of the command line.

    Raises
    ------
    SystemExit
        If an option is wrong, or a result is not equal to that of plain Python.
    """
    options = _options(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    print(
        f"raskt {raskt.__version__} on {CPU_COUNT} cores, "
        f"scheduler: {options.scheduler}\n"
    )
    with raskt.config.set(scheduler=options.scheduler):
        _start_processes(options.scheduler)
        profiler = Profiler()
        written = [
            *_count_words(options, profiler),
            *_report_sales(options, profiler),
        ]
    _use_futures()
    page = options.out / "profile.html"
    visualize(profiler, filename=page, show=False, save=True, title="raskt demo")
    print("Written:")
    for path, what in [*written, (page, "when each task ran, and for how long")]:
        print(f"  {path!s:<24} {what}")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="raskt demo",
        description="Count words, report sales, check both, and draw pictures.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--files",
        type=_positive,
        metavar="N",
        help="files in each part (default: all texts up to 3000, and 200 tables)",
        default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", default="out", help="where to write"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", default=1, help="makes other tables"
    )
    parser.add_argument(
        "--scheduler",
        choices=["threads", "processes", "sync"],
        default="processes",
        help="what runs the tasks",
    )
    options = parser.parse_args(argv)
    options.files = getattr(options, "files", None)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _start_processes(scheduler: str) -> None:
    """Start the processes, so that their start is in nobody's time."""
    if scheduler == "processes":
        raskt.compute([raskt.delayed(abs)(n) for n in range(4 * CPU_COUNT)])


Written = list[tuple[Path, str]]


def _count_words(options: argparse.Namespace, profiler: Profiler) -> Written:
    paths = data.texts(options.files or 3000, options.seed)
    size = sum(path.stat().st_size for path in paths)
    print(f"Words: {len(paths):,} text files, {format_bytes(size)}")
    counts = _compared(
        words.counted(words.in_batches(paths)), words.counted_serially, paths, profiler
    )
    top = words.most_frequent(counts, 8)
    print(f"  {sum(counts.values()):,} words, {len(counts):,} different")
    print(f"  most frequent: {', '.join(f'{word} {n:,}' for word, n in top)}\n")
    table = options.out / "words.json"
    table.write_text(json.dumps(dict(words.most_frequent(counts, 1000)), indent=1))
    few = paths[:PICTURE_FILES]
    small = words.counted([[path] for path in few], at_once=4)
    pictures = [
        small.visualize(options.out / f"words.{format}") for format in ("svg", "png")
    ]
    return [
        (table, "the most frequent words"),
        *((path, f"the graph for {len(few)} files") for path in pictures),
    ]


def _report_sales(options: argparse.Namespace, profiler: Profiler) -> Written:
    tables = data.tables(options.files or 200, options.seed)
    size = sum(path.stat().st_size for path in tables.orders)
    print(f"Sales: {len(tables.orders):,} CSV files, {format_bytes(size)}")
    totals = _compared(sales.report(tables), sales.report_serially, tables, profiler)
    summary = sales.summary(totals)
    print(
        f"  {summary['orders']:,} orders of {summary['rows']:,} rows, "
        f"{summary['broken']:,} broken, revenue {summary['revenue']:,.2f}\n"
    )
    table, short = options.out / "sales.csv", options.out / "sales.json"
    sales.write_table(totals, table)
    short.write_text(json.dumps(summary, indent=1))
    return [
        (table, "sales of each month and category"),
        (short, "the same in short"),
    ]


def _use_futures() -> None:
    from raskt.demo import futures

    print("Futures: a cluster on this machine")
    done = futures.session(min(CPU_COUNT, 4))
    if done.total != -285:
        sys.exit(f"  NOT -285 but {done.total}: please report this")
    print(f"  scheduler at {done.scheduler}, {done.workers} worker processes")
    print("  A = client.map(square, range(10)); B = client.map(neg, A)")
    print(f"  client.submit(sum, B).result() gives {done.total}")
    print(
        f"  {done.tasks_per_s:,.0f} tasks a second, "
        f"{format_time(done.round_trip_s)} from submit to result\n"
    )


def _compared(lazy: Any, serially: Callable, given: Any, profiler: Profiler) -> Any:
    """Compute a lazy value, and check it against plain Python."""
    with ExitStack() as stack:
        stack.enter_context(profiler)
        # In a file, every picture of the bar would be one more line.
        pause = 0.1 if sys.stdout.isatty() else 3600
        bar = stack.enter_context(ProgressBar(dt=pause))
        result = lazy.compute()
    start = time.perf_counter()
    expected = serially(given)
    plain = time.perf_counter() - start
    took = bar.last_duration
    if result != expected:
        sys.exit("  NOT EQUAL to what plain Python gives: please report this")
    factor = f", {plain / took:.1f} times as long" if plain > took else ""
    print(f"  equal to plain Python, which took {format_time(plain)}{factor}")
    return result
