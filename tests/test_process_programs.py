from __future__ import annotations

import signal
import textwrap

from process_helpers import Program, has_ended

BEGINNING = """
import os, signal, sys, threading
import raskt
from raskt import delayed

def compute(lazy, **kwargs):
    kwargs = {"num_workers": 1, **kwargs}
    return raskt.compute(lazy, scheduler="processes", **kwargs)[0]

def pid():
    return os.getpid()

def wait_forever():
    print("busy", os.getpid(), flush=True)
    while True:
        signal.pause()

def wait_for_end_of_input():
    sys.stdin.read()
"""


def program(folder, text, *flags):
    return Program(folder, BEGINNING + textwrap.dedent(text), *flags)


def test_what_the_main_file_defines_needs_no_guard(tmp_path):
    text = """
    print("main runs", flush=True)
    import dataclasses

    @dataclasses.dataclass
    class Point:
        x: int

    class Failure(Exception):
        pass

    offset = 10

    def move(point):
        if point.x < 0:
            raise Failure(point)
        return Point(point.x + offset)

    moved = compute(delayed(move)(Point(1)))
    assert moved == Point(11) and type(moved) is Point
    offset = 20
    assert compute(delayed(move)(Point(1))) == Point(21)
    try:
        compute(delayed(move)(Point(-1)))
    except Failure as failure:
        print(failure)
    print(compute(delayed(lambda: offset)()))
    """
    # In development mode, Python complains of what is left open or alone.
    with program(tmp_path, text, "-X", "dev") as running:
        assert running.end() == (0, "main runs\nPoint(x=-1)\n20\n", "")


def test_what_tasks_print_is_seen_at_once(tmp_path):
    text = """
    for i in range(2):
        compute(delayed(print)("task", i))
        print("main", i, flush=True)
    """
    with program(tmp_path, text) as running:
        assert running.end() == (0, "task 0\nmain 0\ntask 1\nmain 1\n", "")


# One process that is idle, and one that is busy.
BOTH = """
print("idle", compute(delayed(pid)(), initializer=pid), flush=True)
wait = threading.Thread(target=compute, args=(delayed(wait_forever)(),), daemon=True)
wait.start()
wait_for_end_of_input()
"""


def test_processes_end_with_the_program(tmp_path):
    with program(tmp_path, BOTH) as running:
        (_, idle), (_, busy) = running.line(), running.line()
        code, _, err = running.end()
        assert (code, err) == (0, "")
        assert has_ended(int(idle)) and has_ended(int(busy))


def test_processes_end_when_the_program_is_killed(tmp_path):
    with program(tmp_path, BOTH) as running:
        (_, idle), (_, busy) = running.line(), running.line()
        running.process.kill()
        assert has_ended(int(idle)) and has_ended(int(busy))


def test_a_fork_of_the_program_does_not_keep_processes_alive(tmp_path):
    text = """
    print("worker", compute(delayed(pid)()), flush=True)
    if os.fork() == 0:
        print("fork", flush=True)
    signal.pause()
    """
    with program(tmp_path, text) as running:
        _, worker = running.line()
        running.line()
        running.process.kill()
        assert has_ended(int(worker))


def test_processes_of_other_contexts_end_with_the_program(tmp_path):
    text = """
    if __name__ == "__main__":
        for context in "fork", "forkserver":
            with raskt.config.set({"multiprocessing.context": context}):
                print(compute(delayed(pid)()), flush=True)
    """
    with program(tmp_path, text) as running:
        code, out, _ = running.end()
        assert code == 0
        assert all(has_ended(int(pid)) for pid in out.split())
        assert len(out.split()) == 2


def test_ctrl_c(tmp_path):
    text = """
    try:
        compute(delayed(wait_forever)())
    except KeyboardInterrupt:
        again = threading.Event()
        signal.signal(signal.SIGINT, lambda *_: again.set())
    print("stopped", compute(delayed(pid)()), flush=True)
    again.wait()
    print("stopped", compute(delayed(pid)()), flush=True)
    """
    with program(tmp_path, text) as running:
        _, busy = running.line()
        running.signal_all(signal.SIGINT)
        _, new = running.line()
        assert has_ended(int(busy)) and new != busy
        running.signal_all(signal.SIGINT)
        # A process without a task does not mind.
        assert running.line() == ["stopped", new]
        assert running.end() == (0, "", "")


def test_a_fork_of_the_program_has_processes_of_its_own(tmp_path):
    text = """
    ours = compute(delayed(pid)())
    child = os.fork()
    if child == 0:
        os._exit(5 if compute(delayed(pid)()) != ours else 6)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert compute(delayed(pid)()) == ours
    print("done")
    """
    with program(tmp_path, text) as running:
        code, out, _ = running.end()
        assert (code, out) == (0, "done\n")
