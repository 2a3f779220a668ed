"""Ctrl-C, and leaving the program while tasks run: each in a process of its own."""

from __future__ import annotations

import signal
import time

import pytest
from _schedulers import Program

TASKS = """
import sys, threading, time
import raskt
from raskt import delayed

_, kind, scheduler = sys.argv
rounds = 3
is_over = threading.Event()

def rest(begun):
    begun.set()
    # Short ones on the main thread: Python does not see a signal that comes in the
    # moment before it falls asleep.
    while not is_over.is_set():
        # payload: this is what is interrupted
        time.sleep(0.02 if scheduler == "sync" else 600)

def calculate(begun):
    begun.set()
    while not is_over.is_set():
        pass

def nested(begun):
    return delayed(rest)(begun).compute(scheduler=scheduler)

def begin(kind):
    # One task for each of two threads, and more that wait.
    task = {"sleep": rest, "calculate": calculate, "nested": nested}[kind]
    begun = [threading.Event() for _ in range(2 if scheduler == "threads" else 1)]
    threading.Thread(target=tell_when_all, args=(begun,), daemon=True).start()
    lazy = [delayed(task)(event) for event in begun]
    others = [delayed(other)() for _ in range(100)]
    raskt.compute(lazy, others, scheduler=scheduler, num_workers=2)

def other():
    if is_over.is_set():
        print("a task began after Ctrl-C", flush=True)

def tell_when_all(begun):
    for event in begun:
        event.wait()
    print("running", flush=True)
"""

INTERRUPTED = (
    TASKS
    + """
for _ in range(rounds):
    is_over.clear()
    try:
        begin(kind)
    except KeyboardInterrupt:
        print("interrupted", time.monotonic(), flush=True)
    is_over.set()
    numbers = [delayed(abs)(-i) for i in range(1000)]
    print("computed", delayed(sum)(numbers).compute(scheduler=scheduler), flush=True)
"""
)


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("kind", ["sleep", "calculate", "nested"])
def test_ctrl_c(kind, scheduler):
    elapsed = []
    with Program(INTERRUPTED, kind, scheduler) as program:
        for _ in range(3):
            assert program.line() == ["running"]
            sent = time.monotonic()
            program.process.send_signal(signal.SIGINT)
            word, when = program.line()
            assert word == "interrupted"
            elapsed.append(float(when) - sent)
            assert program.line() == ["computed", str(sum(range(1000)))]
        assert program.finish() == []
    # On a busy machine one of them may be late.
    assert min(elapsed) < 0.2, elapsed


WHILE_SUBMITTING = """
import signal, threading
from concurrent.futures import ThreadPoolExecutor
import raskt

class Pool(ThreadPoolExecutor):
    def submit(self, *args, **kwargs):
        future = super().submit(*args, **kwargs)
        if threading.current_thread() is threading.main_thread():
            signal.raise_signal(signal.SIGINT)
        return future

is_over = threading.Event()
lazy = [raskt.delayed(is_over.wait)() for _ in range(3)]
with Pool(3) as pool:
    try:
        raskt.compute(lazy, scheduler="threads", pool=pool)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    is_over.set()
"""


def test_ctrl_c_while_a_pool_of_the_callers_takes_work():
    with Program(WHILE_SUBMITTING) as program:
        assert program.finish() == ["interrupted"]


LEAVING = (
    TASKS
    + """
threading.Thread(target=begin, args=(kind,), daemon=True).start()
sys.stdin.readline()
print("leaving", flush=True)
"""
)


@pytest.mark.parametrize("kind", ["sleep", "calculate", "nested"])
def test_leaving_the_program_while_tasks_run(kind):
    with Program(LEAVING, kind, "threads") as program:
        assert program.line() == ["running"]
        program.process.stdin.write("leave\n")
        program.process.stdin.flush()
        assert program.finish() == ["leaving"]


@pytest.mark.parametrize("kind", ["sleep", "calculate", "nested"])
def test_leaving_the_program_by_ctrl_c(kind):
    code = (
        TASKS + "\ntry:\n    begin(kind)\nexcept KeyboardInterrupt:\n    print('bye')\n"
    )
    with Program(code, kind, "threads") as program:
        assert program.line() == ["running"]
        program.process.send_signal(signal.SIGINT)
        assert program.finish() == ["bye"]


FORKED = """
import os
import raskt
from raskt import delayed

numbers = [delayed(abs)(-i) for i in range(100)]
total = delayed(sum)(numbers)
assert total.compute() == 4950
child = os.fork()
if child == 0:
    os._exit(0 if total.compute() == 4950 and delayed(abs)(-1).compute() == 1 else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), total.compute())
"""


def test_a_forked_child_computes_on_threads_of_its_own():
    with Program(FORKED) as program:
        assert program.finish() == ["0 4950"]
