from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from functools import partial

import pytest
import raskt
from process_helpers import (
    Gate,
    Picky,
    come_to,
    compute,
    first,
    frames,
    has_ended,
    one_pid,
    raise_picky,
)
from raskt import _process_pool, _processes, delayed
from raskt.exceptions import SerializationError, TaskExited, WorkerProcessDied
from raskt.multiprocessing import (
    RemoteException,
    remote_exception,
    reraise,
)

# --- errors -----------------------------------------------------------------------


def fail_deeply():
    try:
        raise_picky()
    except Picky as error:
        error.add_note("noted there")
        raise LookupError("b") from error


def test_exceptions_are_the_tasks_own():
    with pytest.raises(LookupError) as caught:
        compute(delayed(fail_deeply)(dask_key_name="deep"))
    error = caught.value
    assert str(error) == "b"
    assert error.__notes__ == ["in task 'deep', which calls fail_deeply"]
    assert frames(error)[1:] == ["compute", "fail_deeply"]
    cause = error.__cause__
    assert type(cause) is Picky and str(cause) == "a: 1" and cause.number == 1
    assert frames(cause) == ["fail_deeply", "raise_picky"]
    assert cause.__notes__ == ["noted there"]


def test_tracebacks_look_as_they_do_at_home():
    def text(scheduler):
        with pytest.raises(LookupError) as caught:
            raskt.compute(delayed(fail_deeply)(dask_key_name="x"), scheduler=scheduler)
        return "".join(traceback.format_exception(caught.value))

    assert text("processes") == text("sync").replace('scheduler="sync"', "")


class Overwritten(Exception):
    def __reduce__(self):
        return Overwritten, ("as it wants",)


def test_exceptions_say_how_they_are_pickled():
    def fail():
        raise Overwritten("x")

    with pytest.raises(Overwritten, match="as it wants"):
        compute(delayed(fail)())


def test_what_an_exception_holds_may_stay_behind():
    def fail():
        error = KeyError("key", threading.Lock())
        error.lock = threading.Lock()
        error.number = 5
        raise error

    with pytest.raises(KeyError) as caught:
        compute(delayed(fail)())
    assert caught.value.number == 5
    assert caught.value.args[0] == "key" and "lock" in caught.value.args[1]
    assert "left out: lock" in caught.value.__notes__[0]


class Impossible(Exception):
    def __new__(cls, *args):
        if "test" not in args:
            raise RuntimeError("made in one place only")
        return super().__new__(cls)


def test_an_exception_that_cannot_travel():
    def fail():
        raise Impossible("test")

    def fail_more():
        error = Impossible("test")
        error.args = ()
        raise error

    with pytest.raises(Impossible):
        compute(delayed(fail)())
    with pytest.raises(SerializationError, match=r"Impossible: .* in one place only"):
        compute(delayed(fail_more)())


def test_groups_of_exceptions():
    def fail():
        try:
            raise_picky()
        except Picky as error:
            raise ExceptionGroup("several", [error, ValueError(2)]) from None

    with pytest.raises(ExceptionGroup) as caught:
        compute(delayed(fail)())
    picky, value = caught.value.exceptions
    assert (picky.number, value.args) == (1, (2,))
    assert frames(picky) == ["fail", "raise_picky"]


BUILTIN_ERRORS = [
    OSError(2, "no such thing", "name"),
    UnicodeDecodeError("utf8", b"x", 0, 1, "because"),
    ImportError("no", name="n", path="p"),
    StopIteration(5),
    KeyError("k"),
    SyntaxError("bad", ("file", 1, 2, "text")),
]


@pytest.mark.parametrize("error", BUILTIN_ERRORS, ids=lambda e: type(e).__name__)
def test_exceptions_of_python(error):
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        compute(delayed(fail)())
    assert repr(caught.value) == repr(error)
    for name in ("errno", "filename", "object", "name", "path", "value", "lineno"):
        assert getattr(caught.value, name, None) == getattr(error, name, None)


def test_sys_exit():
    with pytest.raises(TaskExited, match=r"sys.exit\(3\) was called in task 'exit-"):
        compute(delayed(sys.exit)(3))


def test_a_failure_ends_tasks_that_nobody_waits_for(tmp_path):
    def fail(path):
        come_to(path)
        raise_picky()

    def wait_forever(path):
        come_to(path)
        while True:
            signal.pause()

    with Gate(tmp_path) as gate:
        lazy = delayed(fail)(gate.path), delayed(wait_forever)(gate.path)
        pids = []
        opener = threading.Thread(
            target=lambda: (pids.extend(gate.wait_for(2)), gate.open())
        )
        opener.start()
        with pytest.raises(Picky):
            compute(*lazy, num_workers=2)
        opener.join()
    (kept,) = [pid for pid in pids if not has_ended(pid, 1)]
    assert one_pid() == kept


# --- what cannot be sent --------------------------------------------------------------


class Sealed:
    def __reduce__(self):
        raise TypeError("it is sealed")


class Poisoned:
    def __getstate__(self):
        return ()

    def __setstate__(self, state):
        raise ValueError("it is poisoned")


UNSENDABLE = [
    (lambda: delayed(first)(1, Sealed()), r"argument 1 \(Sealed\): it is sealed"),
    (lambda: delayed(first)(1, x=Sealed()), r"argument 'x' \(Sealed\): it is sealed"),
    (lambda: delayed(partial(first, Sealed()))(), "its function: it is sealed"),
    (lambda: delayed(lambda lock=threading.Lock(): 1)(), "its function: .*lock"),
    (lambda: delayed(first)(delayed({"x": Sealed()})), r"\(dict\): it is sealed"),
]


@pytest.mark.parametrize("make, message", UNSENDABLE)
def test_what_cannot_be_sent(make, message):
    pid = one_pid()
    with pytest.raises(SerializationError, match=message) as caught:
        compute(make(), num_workers=1)
    assert "cannot send task '" in str(caught.value)
    assert caught.value.__cause__ is not None
    assert one_pid() == pid


def test_a_result_that_cannot_be_sent():
    pid = one_pid()
    with pytest.raises(SerializationError) as caught:
        compute(delayed(threading.Lock)(dask_key_name="make"), num_workers=1)
    assert "the result of task 'make', which calls" in str(caught.value)
    assert "cannot pickle '_thread.lock' object" in str(caught.value)
    assert one_pid() == pid


@pytest.mark.parametrize("where", ["argument", "input", "result"])
def test_what_cannot_be_read(where):
    pid = one_pid()
    lazy = {
        "argument": delayed(first)(Poisoned()),
        "input": delayed(first)(delayed([Poisoned()], pure=False)),
        "result": delayed(Poisoned)(),
    }[where]
    with pytest.raises(ValueError, match="it is poisoned"):
        compute(lazy, num_workers=1)
    assert one_pid() == pid


# --- processes that die -----------------------------------------------------------


def crash(how):
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    else:
        os._exit(3)


@pytest.mark.parametrize(
    "how, message",
    [
        ("killed", r"died of signal SIGKILL \(9\) .*memory"),
        ("segfault", r"died of signal SIGSEGV \(11\) .*native code"),
        ("abort", r"died of signal SIGABRT \(6\) .*native code"),
        ("exit", r"exited with code 3 .*return"),
    ],
)
def test_a_process_that_dies(how, message, capfd):
    pid = one_pid()
    with pytest.raises(WorkerProcessDied, match=message) as caught:
        compute(delayed(crash)(how, dask_key_name="crash-1"), num_workers=1)
    assert f"worker process (pid {pid}) " in str(caught.value)
    assert "while it ran task 'crash-1', which calls crash" in str(caught.value)
    assert has_ended(pid)
    assert one_pid() != pid


def test_a_process_that_cannot_start(monkeypatch, capfd):
    monkeypatch.setenv("PYTHONHASHSEED", "nonsense")
    monkeypatch.setattr(_processes, "idle", _process_pool.Idle())
    with pytest.raises(WorkerProcessDied, match="before it could run a task"):
        one_pid()
    assert "PYTHONHASHSEED" in capfd.readouterr().err


# --- for those who make such exceptions themselves ------------------------------------


def test_remote_exceptions():
    error = remote_exception(Picky("a", number=1), "line 1, in f")
    assert isinstance(error, Picky) and isinstance(error, RemoteException)
    assert error.number == 1
    assert str(error).startswith("a: 1\n") and "line 1, in f" in str(error)
    assert type(remote_exception(Picky("b", number=2), "")) is type(error)
    with pytest.raises(AttributeError):
        error.no_such_attribute
    with pytest.raises(ValueError, match="x") as caught:
        reraise(ValueError("x"), error.__traceback__)
    assert frames(caught.value)[-1] == "reraise"
