"""The program of a worker process, as a nanny starts it.

``python -m raskt.distributed.worker_main FILE``: the file has the options of the
worker. It ends with 0 when the worker was closed, with 75 if it is to be started again,
with 78 if another try would fail as well, and otherwise as a process does that dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from raskt import config
from raskt.distributed import _payload
from raskt.distributed._worker import Worker

__all__ = ["main", "run_until_closed", "until_signalled"]

RESTART = 75
FINAL = 78


def main(argv: list[str] | None = None) -> int:
    """Run a worker until it is closed.

    Parameters
    ----------
    argv : list of str, optional
        The file of options; by default what the program was given.

    Returns
    -------
    int
        The exit code.
    """
    (file,) = sys.argv[1:] if argv is None else argv
    options = _payload.loads(Path(file).read_bytes())
    config.update(config.config, options["config"], priority="new")
    worker = _made(options)
    try:
        worker._begin()
    except BaseException as error:
        traceback.print_exc()
        _tell(options["ready"], f"failed {type(error).__name__}: {error}")
        return FINAL
    _tell(options["ready"], f"joined {worker.address}")
    return run_until_closed(worker)


def _made(options: dict[str, Any]) -> Worker:
    kind = options["class"] or Worker
    if isinstance(kind, str):
        from raskt.distributed._imports import import_term

        kind = import_term(kind)
    worker = kind(options["address"], **options["kwargs"])
    worker._secret = worker._secret or options["secret"]
    return worker


def _tell(ready: str, text: str) -> None:
    """Tell the nanny, if it listens: it does so for the first process only."""
    with contextlib.suppress(OSError):
        pipe = os.open(ready, os.O_WRONLY | os.O_NONBLOCK)
        with os.fdopen(pipe, "w") as file:
            line = text.replace("\n", " ")
            file.write(f"{line}\n")


def run_until_closed(worker: Worker) -> int:
    """Wait until a worker that runs is closed, by itself or by a signal."""
    closing = until_signalled()
    while not worker._wait(0.2):
        if closing.is_set():
            worker._end()
            return 0
    return RESTART if worker._handle.restart else 0


def until_signalled() -> threading.Event:
    """Give what is set when this process is asked to end."""
    asked = threading.Event()

    def ask(number: int, frame: Any) -> None:
        asked.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return asked


if __name__ == "__main__":
    # Under its own name, so that there is one of each class.
    from raskt.distributed import worker_main

    code = worker_main.main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of tasks that still run must not keep the process.
    os._exit(code)
