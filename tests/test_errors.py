"""What happens when tasks fail: their own exceptions, and the few that raskt raises."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
import weakref

import pytest
import raskt
from raskt import compute, config, delayed
from raskt.callbacks import Callback
from raskt.exceptions import RasktError, TaskExited


def inc(x):
    return x + 1


class Picky(Exception):
    """An exception that cannot be made without its arguments."""

    def __init__(self, code, *, reason):
        super().__init__(f"{code}: {reason}")
        self.code = code


def fail(x):
    return deeper(x)


def deeper(x):
    raise Picky(7, reason=f"got {x}")


def functions(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


# --- exceptions of tasks ----------------------------------------------------------


def test_the_exception_is_the_one_that_was_raised(scheduler):
    error = Picky(3, reason="mine")

    def raise_it():
        raise error

    with pytest.raises(Picky) as caught:
        delayed(raise_it)().compute()
    assert caught.value is error


def test_a_note_names_the_task_and_its_function(any_scheduler):
    lazy = delayed(fail)(1, dask_key_name="broken")
    with pytest.raises(Picky, match="7: got 1") as caught:
        delayed(inc)(lazy).compute()
    assert caught.value.code == 7
    (note,) = caught.value.__notes__
    assert "'broken'" in note and "fail" in note


def test_tuple_keys_in_notes(scheduler):
    with pytest.raises(Picky) as caught:
        raskt.get({("x", 0, 1): (fail, 1)}, ("x", 0, 1))
    assert "('x', 0, 1)" in caught.value.__notes__[0]


def test_notes_do_not_pile_up(scheduler):
    error = ValueError("always the same")

    def raise_it():
        raise error

    lazy = delayed(raise_it)(dask_key_name="broken")
    for _ in range(3):
        with pytest.raises(ValueError):
            lazy.compute()
    assert len(error.__notes__) == 1


def test_the_frames_of_the_task_are_in_the_traceback(any_scheduler):
    with pytest.raises(Picky) as caught:
        delayed(inc)(delayed(fail)(1)).compute()
    names = functions(caught.value)
    assert names[-2:] == ["fail", "deeper"]
    assert names[0] == "test_the_frames_of_the_task_are_in_the_traceback"
    (frame,) = traceback.extract_tb(caught.value.__traceback__)[-1:]
    assert frame.filename == __file__ and "raise Picky" in frame.line


def test_frames_of_raskt_are_left_out_as_far_as_wished(scheduler):
    with pytest.raises(Picky) as caught:
        delayed(fail)(1).compute()
    short = functions(caught.value)
    with (
        config.set({"admin.traceback.shorten": []}),
        pytest.raises(Picky) as caught,
    ):
        delayed(fail)(1).compute()
    full = functions(caught.value)
    assert len(short) < len(full) and "run_values" in full
    assert "run_values" not in short
    assert short[-2:] == full[-2:] == ["fail", "deeper"]


def test_causes_are_kept(any_scheduler):
    def wrapped():
        try:
            fail(1)
        except Picky as error:
            raise KeyError("outer") from error

    with pytest.raises(KeyError, match="outer") as caught:
        delayed(wrapped)().compute()
    assert isinstance(caught.value.__cause__, Picky)
    assert caught.value.__cause__.code == 7


@pytest.mark.parametrize(
    "kind",
    [StopIteration, GeneratorExit, KeyboardInterrupt, AssertionError, BaseException],
)
def test_exceptions_of_all_kinds(kind, scheduler):
    def raise_it():
        raise kind("why")

    with pytest.raises(kind, match="why"):
        delayed(raise_it)().compute()
    assert delayed(inc)(1).compute() == 2


def test_an_exception_without_room_for_notes(scheduler):
    class Bare(Exception):
        def add_note(self, note):
            raise RuntimeError("no notes please")

    def raise_it():
        raise Bare("why")

    with pytest.raises(Bare, match="why"):
        delayed(raise_it)().compute()


def test_errors_deep_inside_of_a_pipeline(scheduler):
    def check(x):
        if x == 500:
            raise Picky(x, reason="half way")
        return x + 1

    lazy = delayed(0)
    for i in range(1000):
        lazy = delayed(check)(lazy, dask_key_name=f"check {i}")
    with pytest.raises(Picky) as caught:
        compute([lazy], delayed(inc)(lazy))
    assert caught.value.code == 500
    assert "'check 500'" in caught.value.__notes__[0]


def test_errors_in_fused_chains_and_nested_calls(scheduler):
    lazy = delayed(inc)(delayed(fail)(1))
    with config.set({"optimization.fuse.delayed": True}), pytest.raises(Picky):
        raskt.optimize(lazy)[0].compute()
    with pytest.raises(Picky):
        raskt.get({"x": (inc, (inc, (fail, 1)))}, "x")


def test_errors_of_computations_inside_of_tasks(scheduler):
    def outer():
        return delayed(fail)(1, dask_key_name="inner").compute()

    with pytest.raises(Picky) as caught:
        delayed(outer)(dask_key_name="outer").compute()
    inner, outer = caught.value.__notes__
    assert "'inner'" in inner and "'outer'" in outer
    assert functions(caught.value)[-2:] == ["fail", "deeper"]


def test_one_failure_stops_the_run(scheduler):
    ran = []
    tasks = [delayed(fail)(0, dask_key_name="first")]
    for i in range(1000):
        tasks.append(delayed(ran.append)(tasks[-1]))
    with pytest.raises(Picky):
        compute(tasks)
    assert not ran


def test_tasks_that_still_run_after_a_failure_do_no_harm():
    failed, may_end, ended = (threading.Event() for _ in range(3))

    def slow():
        failed.wait(60)
        may_end.wait(60)
        ended.set()
        return 1

    def fast():
        failed.set()
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        compute(delayed(slow)(), delayed(fast)(), num_workers=2)
    assert not ended.is_set()
    assert delayed(inc)(1).compute() == 2
    may_end.set()
    assert ended.wait(60)


def test_what_a_failed_run_computed_is_released(scheduler):
    class Data:
        pass

    made = []

    def make():
        data = Data()
        made.append(weakref.ref(data))
        return data

    def use(first, second):
        raise ValueError("why")

    with pytest.raises(ValueError):
        delayed(use)(delayed(make)(), delayed(make)()).compute()
    gc.collect()
    assert len(made) == 2 and not any(ref() for ref in made)


def test_results_that_cannot_be_unpacked_or_used(scheduler):
    first, second, third = delayed(divmod, nout=3)(7, 2)
    with pytest.raises(IndexError):
        compute(first, second, third)
    with pytest.raises(TypeError):
        delayed(dict)({delayed(list)(): 1}).compute()


def test_errors_of_callbacks_end_the_run(scheduler):
    class Angry(Callback):
        def _posttask(self, key, result, dsk, state, worker):
            raise Picky(1, reason=key)

    with Angry(), pytest.raises(Picky, match="1: x"):
        delayed(inc)(1, dask_key_name="x").compute()
    assert delayed(inc)(1).compute() == 2


# --- errors of raskt --------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 3, None, "text"])
def test_exiting_in_a_task(code, any_scheduler):
    lazy = delayed(sys.exit)(code, dask_key_name="leaving")
    with pytest.raises(TaskExited, match="'leaving'") as caught:
        delayed(inc)(lazy).compute()
    assert f"sys.exit({code!r})" in str(caught.value)
    assert isinstance(caught.value, RasktError)
    assert isinstance(caught.value.__cause__, SystemExit)
    assert delayed(inc)(1).compute() == 2


def test_exiting_in_a_computation_inside_of_a_task(scheduler):
    def outer():
        return delayed(sys.exit)(1, dask_key_name="inner").compute()

    with pytest.raises(TaskExited, match="'inner'"):
        delayed(outer)().compute()


@pytest.mark.parametrize(
    "option, near",
    [("memory.limits", "memory.limit"), ("threads.num_workers", "num_workers")],
)
def test_unknown_options(option, near):
    with pytest.raises(config.ConfigError, match=f"'{option}'.*'{near}'"):
        config.set({option: 1})


@pytest.mark.parametrize("limit", ["lots", -5, 0, "0 MB", "-1 GB"])
def test_a_memory_limit_that_is_none(limit, scheduler):
    with (
        config.set({"memory.limit": limit}),
        pytest.raises(config.ConfigError, match=r"memory.limit cannot be .*'4 GB'"),
    ):
        delayed(inc)(1).compute()
