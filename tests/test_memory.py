"""Intermediate results: released after their last use, moved to disk, in a budget."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
import weakref
from operator import add

import numpy as np
import pytest
import raskt
from _schedulers import Program
from raskt import compute, config, delayed
from raskt.callbacks import Callback
from raskt.exceptions import RasktError, SpillError

LIMIT = 8_000_000
CHUNK = 1_000_000
COUNT = 5 * LIMIT // CHUNK


def is_soon_empty(folder):
    """Wait for the threads that were still moving something when the run was over."""
    pause, deadline = threading.Event(), time.monotonic() + 60
    while os.listdir(folder) and time.monotonic() < deadline:
        pause.wait(0.01)
    return not os.listdir(folder)


@pytest.fixture
def spill_folder(tmp_path):
    """Give a small budget; the folder for what does not fit is empty in the end."""
    with config.set({"memory.limit": LIMIT, "memory.spill-directory": str(tmp_path)}):
        yield tmp_path
    assert is_soon_empty(tmp_path)


def make(i):
    return np.full(CHUNK // 8, float(i))


def first(chunk, once=0):
    return float(np.asarray(chunk)[0]) + once


def used_twice(make, use=first, count=COUNT):
    """Make so many chunks that all are needed twice, the second time after all."""
    chunks = [delayed(make)(i) for i in range(count)]
    once = delayed(sum)([delayed(use)(chunk) for chunk in chunks])
    return delayed(sum)([delayed(use)(chunk, once) for chunk in chunks])


def expected(count=COUNT):
    total = sum(range(count))
    return total + count * total


class Watch(Callback):
    """Follows a run: what is held, and which files there are, whenever a task ends."""

    def __init__(self, folder=None):
        super().__init__()
        self.folder = folder
        self.most_files = 0
        self.order = []
        self.held = {}

    def _posttask(self, key, result, dsk, state, worker):
        self.order.append(key)
        self.held[key] = {
            name for name in state["cache"] if name not in state["released"]
        }
        if self.folder:
            found = sum(len(files) for _, _, files in os.walk(self.folder))
            self.most_files = max(self.most_files, found)

    def _finish(self, dsk, state, failed):
        self.state = state


# --- results are released ---------------------------------------------------------


class Data:
    """Something whose end can be noticed."""

    def __init__(self, *args):
        self.args = len(args)


def test_results_die_after_their_last_use(scheduler):
    alive = weakref.WeakSet()
    lock = threading.Lock()
    most = [0]

    def step(*inputs):
        data = Data(*inputs)
        with lock:
            alive.add(data)
            most[0] = max(most[0], len(alive))
        return data

    lazy = delayed(step)()
    for _ in range(100):
        lazy = delayed(step)(lazy)
    result = lazy.compute()
    # A result, and the one that it is made of.
    assert most[0] <= 3
    gc.collect()
    assert list(alive) == [result]


def test_results_live_until_their_last_use(scheduler):
    refs = {}

    def make():
        data = Data()
        refs["data"] = weakref.ref(data)
        return data

    def is_alive(*after):
        gc.collect()
        return refs["data"]() is not None

    data = delayed(make)()
    user = delayed(lambda data: 1)(data)
    between = delayed(is_alive)(user)
    last = delayed(lambda data, between: between)(data, between)
    after = delayed(is_alive)(last)
    assert compute(between, last, after) == (True, True, False)


def test_what_nobody_asked_for_is_not_kept(scheduler):
    refs = []

    def make():
        data = Data()
        refs.append(weakref.ref(data))
        return data

    lazy = [delayed(make)() for _ in range(5)]
    total = delayed(lambda parts: len(parts))(lazy)
    (count, kept) = compute(total, lazy[2])
    gc.collect()
    assert count == 5
    assert [ref() for ref in refs if ref() is not None] == [kept]
    del kept
    gc.collect()
    assert not [ref for ref in refs if ref() is not None]


def test_arguments_are_not_kept_by_raskt(scheduler):
    data = Data()
    ref = weakref.ref(data)
    lazy = delayed(lambda data: data.args)(data)
    del data
    assert lazy.compute() == 0 and ref() is not None
    del lazy
    gc.collect()
    assert ref() is None


def test_callbacks_see_what_is_held_and_released():
    graph = {
        "a": (make, 1),
        "b": (first, "a"),
        "c": (add, "b", 1),
        "d": (add, "b", "c"),
        "e": (add, "d", 1),
    }
    with Watch() as watch:
        assert raskt.local.get_sync(graph, ["c", "e"]) == (2, 4)
    assert watch.order == list("abcde")
    held = {key: "".join(sorted(names)) for key, names in watch.held.items()}
    assert held == {"a": "a", "b": "b", "c": "bc", "d": "cd", "e": "ce"}
    assert watch.state["released"] == {"a", "b", "d"}
    assert watch.state["finished"] == set("abcde")
    assert not watch.state["running"] and not watch.state["ready"]


# --- more than fits ---------------------------------------------------------------


def test_more_than_fits_goes_to_disk(scheduler, spill_folder):
    with Watch(spill_folder) as watch:
        assert used_twice(make).compute() == expected()
    # At least what is more than the budget was there at one time.
    assert watch.most_files >= COUNT - LIMIT // CHUNK


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_more_than_fits_with_any_number_of_workers(workers, spill_folder):
    assert used_twice(make).compute(num_workers=workers) == expected()


def test_what_fits_stays(scheduler, tmp_path):
    options = {"memory.limit": 100 * LIMIT, "memory.spill-directory": str(tmp_path)}
    with config.set(options), Watch(tmp_path) as watch:
        assert used_twice(make).compute() == expected()
    assert watch.most_files == 0


def test_without_limit_nothing_is_moved(scheduler, tmp_path):
    options = {"memory.limit": None, "memory.spill-directory": str(tmp_path)}
    with config.set(options), Watch(tmp_path) as watch:
        assert used_twice(make).compute() == expected()
    assert watch.most_files == 0


def test_outputs_that_do_not_fit(scheduler, spill_folder):
    chunks = compute(*[delayed(make)(i) for i in range(COUNT)])
    assert [first(chunk) for chunk in chunks] == list(range(COUNT))


def test_the_folder_may_not_exist_yet(scheduler, tmp_path):
    folder = tmp_path / "not" / "yet"
    with config.set({"memory.limit": LIMIT, "temporary-directory": str(folder)}):
        assert used_twice(make).compute() == expected()
    assert folder.is_dir() and is_soon_empty(folder)


def special(i):
    """Make arrays that are laid out in all ways."""
    grid = np.arange(CHUNK // 8, dtype=float).reshape(250, -1) + i
    kinds = [
        grid,
        np.asfortranarray(grid),
        grid[::2],
        grid[:, 3:],
        grid.astype("f4"),
        grid.astype("M8[ns]"),
        grid.astype(object)[:20],
        grid.view([("a", "f8"), ("b", "f8")]),
        [grid, grid.T],
        {"a": (grid, "text")},
        grid.tobytes(),
        bytearray(grid),
        [bytes(10_000 + i) for i in range(20)],
    ]
    return kinds[i % len(kinds)]


def is_the_same(result, i, _):
    """Compare with what was made, and see that it can be changed like the original."""
    original = special(i)
    np.testing.assert_equal(result, original)
    assert type(result) is type(original)
    if isinstance(original, np.ndarray):
        assert result.dtype == original.dtype
        assert result.flags.f_contiguous == original.flags.f_contiguous
        assert result.flags.writeable
        result[0] = result[1]
    return True


def test_results_come_back_as_they_were(scheduler, spill_folder):
    with Watch(spill_folder) as watch:
        results = [delayed(special)(i) for i in range(26)]
        barrier = delayed(len)([delayed(type)(result) for result in results])
        same = [delayed(is_the_same)(r, i, barrier) for i, r in enumerate(results)]
        assert all(compute(*same))
    assert watch.most_files > 0


class Held:
    """An array that cannot be pickled."""

    def __init__(self, i):
        self.array = make(i)
        self.lock = threading.Lock()

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_what_cannot_be_written_is_kept(scheduler, spill_folder):
    assert used_twice(Held).compute() == expected()
    mixed = used_twice(lambda i: Held(i) if i % 3 else make(i))
    assert mixed.compute() == expected()


class Unreadable:
    def __init__(self, i):
        self.data = bytes(CHUNK)

    def __reduce__(self):
        return _fail_to_read, (self.data,)


def _fail_to_read(data):
    raise ValueError("this cannot be read")


def test_what_cannot_be_read_again_is_an_error(scheduler, spill_folder):
    lazy = used_twice(Unreadable, use=lambda data, _=0: len(data.data))
    with pytest.raises(SpillError, match="'Unreadable-.*this cannot be read"):
        lazy.compute()
    assert used_twice(make).compute() == expected()


def test_a_folder_that_cannot_be_used(scheduler):
    with tempfile.NamedTemporaryFile() as file:
        folder = os.path.join(file.name, "below")
        options = {"memory.limit": LIMIT, "memory.spill-directory": folder}
        with config.set(options), pytest.raises(SpillError) as caught:
            used_twice(make).compute()
    message = str(caught.value)
    assert folder in message and "'make-" in message
    assert "memory.spill-directory" in message and "memory.limit" in message
    assert isinstance(caught.value, RasktError) and isinstance(caught.value, OSError)
    assert caught.value.errno
    assert delayed(first)(delayed(make)(3)).compute() == 3


def test_a_full_disk():
    # A file system of one megabyte would need privileges; a limit on files does not.
    code = """
    import resource, signal, sys
    import numpy as np
    import raskt
    from raskt import config, delayed
    from raskt.exceptions import SpillError

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    config.set({"memory.limit": "4 MB", "memory.spill-directory": sys.argv[1]})
    parts = [delayed(np.ones)(100_000) for _ in range(20)]
    try:
        raskt.compute(*parts)
    except SpillError as error:
        print(sys.argv[1] in str(error), "'ones-" in str(error))
    print(delayed(abs)(-1).compute())
    """
    with tempfile.TemporaryDirectory() as folder, Program(code, folder) as program:
        assert program.finish() == ["True True", "1"]
        assert is_soon_empty(folder)


def test_a_failing_run_leaves_no_files(scheduler, spill_folder):
    def fail(x):
        raise ValueError("why")

    lazy = delayed(fail)(used_twice(make))
    with pytest.raises(ValueError, match="why"):
        compute(lazy, [delayed(make)(i) for i in range(COUNT)])


def test_runs_at_once_share_the_budget(spill_folder):
    results = []

    def program():
        results.append(used_twice(make).compute(num_workers=2))

    threads = [threading.Thread(target=program) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == [expected()] * 4


# --- what the process takes -------------------------------------------------------

MEASURED = """
import gc, sys
import numpy as np
import raskt
from raskt import config, delayed

scheduler, workers, limit, chunk, count = sys.argv[1], *map(int, sys.argv[2:])

def make(i):
    return np.full(chunk // 8, float(i))

def first(x, *after):
    return float(x[0])

def compute(count):
    chunks = [delayed(make)(i) for i in range(count)]
    once = delayed(len)([delayed(first)(x) for x in chunks])
    again = [delayed(first)(x, once) for x in chunks]
    return delayed(sum)(again).compute(scheduler=scheduler, num_workers=workers)

def memory(name):
    with open("/proc/self/status") as file:
        return next(int(s.split()[1]) * 1024 for s in file if s.startswith(name))

config.set({"memory.limit": limit})
compute(2)
gc.collect()
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # VmHWM begins anew
assert compute(count) == sum(range(count))
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="needs Linux")
@pytest.mark.parametrize(
    "scheduler, workers", [("sync", 1), ("threads", 2), ("threads", 8)]
)
@pytest.mark.parametrize("keeps, share", [(False, 1.2), (True, 2.0)])
def test_the_process_stays_within_the_budget(scheduler, workers, keeps, share):
    limit, chunk = 64_000_000, 1_000_000
    arguments = scheduler, workers, limit, chunk, 5 * limit // chunk
    # The C library keeps freed memory of each thread for later, unless told otherwise.
    environment = {} if keeps else {"MALLOC_MMAP_THRESHOLD_": "100000"}
    with Program(MEASURED, *arguments, **environment) as program:
        (taken,) = map(int, program.finish())
    # Besides results: what each task has in hand, and what is being written or read.
    assert limit / 2 < taken < share * limit + 4 * workers * chunk + 8_000_000
