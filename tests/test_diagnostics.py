from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from functools import partial
from operator import add, mul
from pathlib import Path
from timeit import default_timer

import pytest
from diagnostics_helpers import GRAPH, both, page_data
from raskt.callbacks import Callback
from raskt.diagnostics import (
    CacheProfiler,
    Profiler,
    ProgressBar,
    ResourceProfiler,
    _resources,
)
from raskt.diagnostics.profile import CacheData, ResourceData, TaskData
from raskt.local import get_sync
from raskt.threaded import get as get_threaded

# ---- ProgressBar -------------------------------------------------------

LINE = re.compile(r"\[(#*) *\] \| (\d+)% Completed \| (\d.*)")


def bar_lines(text):
    """Return what was drawn as pairs of bar length and percent."""
    drawn = [LINE.fullmatch(line.rstrip()) for line in text.split("\r")[1:]]
    return [(len(match[1]), int(match[2])) for match in drawn]


class Screen(io.StringIO):
    """An output that tells when something was written."""

    def __init__(self, awaited):
        super().__init__()
        self.awaited = awaited
        self.seen = threading.Event()

    def write(self, text):
        if self.awaited in text:
            self.seen.set()
        return super().write(text)


@both
def test_bar_is_full_in_the_end(get, capsys):
    with ProgressBar() as bar:
        assert get(GRAPH, "e") == 6
    out, err = capsys.readouterr()
    assert bar_lines(out)[-1] == (40, 100)
    assert out.endswith("\n")
    assert out.count("100% Completed") == 1
    assert not err
    assert bar.last_duration > 0


@both
def test_bar_shows_what_is_done(get):
    screen = Screen(" 50% Completed")
    graph = {"a": (int,), "b": (lambda a: screen.seen.wait(60), "a")}
    with ProgressBar(width=8, dt=0.001, out=screen):
        assert get(graph, "b") is True
    lines = bar_lines(screen.getvalue())
    assert (4, 50) in lines
    assert lines == sorted(lines)


def test_bar_of_quick_computations_is_not_drawn(capsys):
    with ProgressBar(minimum=100) as bar:
        get_sync(GRAPH, "e")
    assert capsys.readouterr() == ("", "")
    assert 0 < bar.last_duration < 100


@both
def test_bar_stops_where_a_task_failed(get):
    out = io.StringIO()
    graph = {"a": (int,), "b": (lambda a: 1 / 0, "a")}
    with ProgressBar(width=8, out=out) as bar, pytest.raises(ZeroDivisionError):
        get(graph, "b")
    assert bar_lines(out.getvalue())[-1] == (4, 50)
    assert out.getvalue().endswith("\n")
    assert not bar._running


def test_bar_without_tasks(capsys):
    with ProgressBar(width=20):
        get_sync({"x": 1}, "x")
    assert bar_lines(capsys.readouterr().out)[-1] == (20, 100)


def test_bar_registered_for_several_computations(capsys):
    bar = ProgressBar()
    bar.register()
    try:
        get_sync(GRAPH, "e")
        get_sync(GRAPH, "e")
    finally:
        bar.unregister()
    get_sync(GRAPH, "e")
    assert capsys.readouterr().out.count("100% Completed") == 2


def test_bar_follows_redirected_output():
    bar = ProgressBar()
    out = io.StringIO()
    with contextlib.redirect_stdout(out), bar:
        get_sync(GRAPH, "e")
    assert "100% Completed" in out.getvalue()


def test_bar_without_a_console(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with ProgressBar():
        assert get_sync(GRAPH, "e") == 6


def test_bar_with_a_closed_file():
    out = io.StringIO()
    out.close()
    with ProgressBar(out=out):
        assert get_sync(GRAPH, "e") == 6


def test_bar_ends_with_its_block_also_if_finish_is_not_called():
    with ProgressBar(out=io.StringIO()) as bar:
        bar._start({})
        assert bar._running
    assert not bar._running


# ---- Profiler ----------------------------------------------------------


@both
def test_profiler(get):
    with Profiler() as prof:
        within = default_timer()
        assert get(GRAPH, "e") == 6
    assert prof.start_time < within < prof.end_time
    assert sorted(result.key for result in prof.results) == ["c", "d", "e"]
    for result in prof.results:
        assert isinstance(result, TaskData)
        assert within < result.start_time <= result.end_time < prof.end_time
    assert result._fields == ("key", "task", "start_time", "end_time", "worker_id")
    assert prof.results[-1].key == "e"
    prof.clear()
    assert prof.results == []


def test_profiler_keeps_what_ran_before_an_error():
    graph = {"x": (add, 1, 1), "y": (lambda x: 1 / 0, "x")}
    with Profiler() as prof, pytest.raises(ZeroDivisionError):
        get_threaded(graph, "y")
    assert [result.key for result in prof.results] == ["x"]


def test_profiler_starts_afresh_with_each_block():
    prof = Profiler()
    for _ in range(2):
        with prof:
            get_sync(GRAPH, "e")
            get_sync(GRAPH, "c")
        assert len(prof.results) == 4


def test_profiler_cleared_while_a_task_runs():
    with Profiler() as prof:
        get_sync({"x": (int,), "y": (lambda x: prof.clear(), "x")}, "y")
    assert [result.key for result in prof.results] == ["y"]


@pytest.mark.parametrize(
    "make", [Profiler, CacheProfiler, partial(ResourceProfiler, dt=0.01)]
)
def test_registered_profilers_go_on_collecting(make):
    prof = make()
    prof.register()
    try:
        get_sync(GRAPH, "e")
        count = len(prof.results)
        assert count > 0
        get_sync(GRAPH, "e")
        assert len(prof.results) > count
    finally:
        prof.unregister()
    count = len(prof.results)
    get_sync(GRAPH, "e")
    assert len(prof.results) == count
    # The times that a block would have set are known, too.
    page = prof.visualize(show=False, save=False)
    assert 0 < page_data(page)["span"] < 60


# ---- CacheProfiler -----------------------------------------------------


@both
def test_cache_profiler(get):
    graph = {"a": (int,), "b": (add, "a", 1), "c": (add, "b", 1)}
    with CacheProfiler() as prof:
        assert get(graph, "c") == 2
    results = {result.key: result for result in prof.results}
    assert list(results) == ["a", "b", "c"]
    assert all(isinstance(result, CacheData) for result in prof.results)
    assert all(result.metric == 1 for result in prof.results)
    # "a" was needed until there was "b".
    assert results["a"].cache_time < results["a"].free_time
    assert results["a"].free_time == results["b"].cache_time
    assert results["b"].free_time == results["c"].cache_time
    assert results["c"].free_time <= prof.end_time


def test_cache_profiler_counts_each_result_once_when_needed_twice():
    graph = {"a": (int,), "b": (add, "a", 1), "c": (add, "a", 2), "d": (add, "b", "c")}
    with CacheProfiler() as prof:
        get_sync(graph, "d")
    assert Counter(result.key for result in prof.results) == Counter("abcd")
    held = {result.key: result for result in prof.results}
    last = max(held["b"].cache_time, held["c"].cache_time)
    assert held["a"].free_time == last


def test_cache_profiler_holds_what_was_asked_for():
    graph = {"a": (int,), "b": (add, "a", 1)}
    with CacheProfiler() as prof:
        get_sync(graph, ["a", "b"])
    held = {result.key: result for result in prof.results}
    assert held["a"].free_time == held["b"].free_time > held["b"].cache_time


def test_cache_profiler_releases_all_after_an_error():
    graph = {"x": (int,), "y": (lambda x: 1 / 0, "x")}
    with CacheProfiler() as prof, pytest.raises(ZeroDivisionError):
        get_sync(graph, "y")
    assert [result.key for result in prof.results] == ["x"]


def test_cache_profiler_metric():
    with CacheProfiler(metric=len) as prof:
        get_sync({"x": (str, "abc"), "y": (mul, "x", 2)}, "y")
    assert [result.metric for result in prof.results] == [3, 6]
    assert prof.metric_name == "len"
    assert CacheProfiler(len, "letters").metric_name == "letters"
    assert CacheProfiler().metric_name == "count"


# ---- ResourceProfiler --------------------------------------------------

SPIN = {"x": (lambda: sum(range(300_000)),)}


def test_resource_profiler_as_a_context():
    with ResourceProfiler(dt=0.01) as prof:
        assert prof._is_running()
        get_sync(SPIN, "x")
        # What was sampled is there at the end of the block.
        assert prof.results == []
        assert prof._is_running()
    assert not prof._is_running()
    first = prof.results[0]
    assert isinstance(first, ResourceData)
    assert prof.start_time <= first.time <= prof.end_time
    assert first.cpu == 0
    assert 5 < first.mem < 1e5
    prof.close()
    prof.clear()
    assert prof.results == []
    with prof:
        pass
    assert prof.results


def test_resource_profiler_registered_samples_only_while_a_scheduler_runs():
    prof = ResourceProfiler(dt=0.01)
    prof.register()
    try:
        assert not prof._is_running()
        states = []
        get_sync({"x": (lambda: states.append(prof._is_running()),)}, "x")
        assert states == [True]
        assert not prof._is_running()
    finally:
        prof.unregister()
    assert prof.results


def test_sampler_measures_cpu():
    sampler = _resources.Sampler(dt=60)
    sampler.start()
    begin = os.times()
    while (used := sum(os.times()[:2]) - sum(begin[:2])) < 0.2:
        sum(range(10_000))
    elapsed = os.times().elapsed - begin.elapsed
    samples = sampler.stop()
    # One at the start, one at the end.
    assert len(samples) == 2
    assert samples[1][2] == pytest.approx(100 * used / elapsed, rel=0.5)


linux = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="only Linux has /proc"
)


@pytest.mark.parametrize(
    "read", [pytest.param(_resources.read_proc, marks=linux), _resources.read_psutil]
)
def test_usage_includes_children(read):
    if read is _resources.read_psutil:
        pytest.importorskip("psutil")
    code = "x = bytearray(50_000_000); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"ready\n"
        usage = read()
        child.communicate(b"\n")
    assert {os.getpid(), child.pid} <= set(usage.memory)
    assert usage.memory[child.pid] > 50_000_000
    assert usage.memory[os.getpid()] > 5_000_000
    assert usage.cpu[child.pid] >= 0
    assert child.pid not in read().memory


def test_cpu_since_counts_new_processes_and_reused_ids():
    before = _resources.Usage(1.0, {1: 5.0, 2: 7.0, 3: 9.0}, {})
    after = _resources.Usage(2.0, {1: 6.0, 3: 0.5, 4: 2.0}, {})
    assert after.cpu_since(before) == 1.0 + 0.5 + 2.0


@linux
def test_resource_profiler_without_psutil(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with ResourceProfiler(dt=0.01) as prof:
        get_sync(GRAPH, "e")
    assert prof.results[0].mem > 5
    monkeypatch.setattr(_resources, "PROC", tmp_path)
    with pytest.raises(RuntimeError, match="psutil"):
        ResourceProfiler()


@pytest.mark.parametrize("dt", [0, -1])
def test_resource_profiler_refuses_senseless_intervals(dt):
    with pytest.raises(ValueError, match="dt"):
        ResourceProfiler(dt=dt)


def test_importing_is_cheap():
    code = (
        "import sys, raskt.diagnostics, raskt.cache; "
        "print([m for m in ('numpy', 'pandas', 'psutil', 'IPython', 'webbrowser') "
        "if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_no_callback_is_left_active():
    assert not Callback.active
