"""The plugins that come with raskt."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from raskt.distributed.plugin import NannyPlugin, SchedulerPlugin, WorkerPlugin

__all__ = [
    "CondaInstall",
    "Environ",
    "ForwardOutput",
    "InstallPlugin",
    "PipInstall",
    "UploadDirectory",
    "UploadFile",
]


class Environ(NannyPlugin):
    """Sets environment variables of workers.

    Parameters
    ----------
    environ : dict
        Values by name.
    """

    restart = True

    def __init__(self, environ: dict | None = None):
        self.environ = {name: str(value) for name, value in (environ or {}).items()}

    async def setup(self, nanny: Any) -> None:
        """Set them."""
        nanny.env.update(self.environ)


class UploadFile(WorkerPlugin):
    """Brings a file to workers.

    Parameters
    ----------
    filepath : str
        The file.
    load : bool
        Import it, if it is a module or package?
    """

    name = "upload_file"

    def __init__(self, filepath: str, load: bool = True):
        path = Path(filepath)
        self.filename = path.name
        self.load = load
        self.data = path.read_bytes()
        self.name = f"upload-file-{path.name}"

    async def setup(self, worker: Any) -> None:
        """Write it to the worker's folder."""
        worker.upload_file(self.filename, self.data, self.load)


class ForwardOutput(WorkerPlugin):
    """Shows at the clients what workers print."""

    def setup(self, worker: Any) -> None:
        """Begin."""
        self._kept = sys.stdout, sys.stderr
        sys.stdout = _Forwarding(sys.stdout, worker, 1)  # type: ignore[assignment]
        sys.stderr = _Forwarding(sys.stderr, worker, 2)  # type: ignore[assignment]

    def teardown(self, worker: Any) -> None:
        """End."""
        sys.stdout, sys.stderr = self._kept


class _Forwarding(io.TextIOBase):
    """A stream that also sends what is written to the clients."""

    def __init__(self, stream: Any, worker: Any, number: int):
        self._stream = stream
        self._worker = worker
        self._number = number

    def write(self, text: str) -> int:
        message = {"args": (text,), "file": self._number, "sep": "", "end": ""}
        self._worker.log_event("print", message)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


class InstallPlugin(SchedulerPlugin):
    """Installs something on each machine that has workers.

    Parameters
    ----------
    install_fn : callable
        Installs it; called once a machine at a time.
    restart_workers : bool
        Must workers be started anew after that?
    """

    idempotent = True
    name = "install"

    def __init__(self, install_fn: Callable[[], None], restart_workers: bool):
        self._install_fn = install_fn
        self.restart_workers = restart_workers
        self.name = f"{self.name}-{uuid.uuid4()}"

    def _for_workers(self) -> _Install:
        """Give the plugin that does it, in workers."""
        return _Install(self._install_fn, self.restart_workers, self.name)


class _Install(NannyPlugin):
    """Installs something when a worker starts."""

    idempotent = True

    def __init__(self, install: Callable[[], None], restart: bool, name: str):
        self._install = install
        self.restart = restart
        self.name = name

    def setup(self, nanny: Any) -> None:
        """Install it, while no other worker of this machine does."""
        with _one_at_a_time("raskt-install"):
            self._install()


class PipInstall(InstallPlugin):
    """Installs packages on each machine that has workers, with pip.

    Parameters
    ----------
    packages : list of str
        Which.
    pip_options : list of str, optional
        More options of ``pip install``.
    restart_workers : bool
        Must workers be started anew after that?
    """

    name = "pip"

    def __init__(
        self,
        packages: list[str],
        pip_options: list[str] | None = None,
        restart_workers: bool = False,
    ):
        self.packages = packages
        command = [sys.executable, "-m", "pip", "install", *(pip_options or [])]
        super().__init__(_Command(command, packages), restart_workers)


class CondaInstall(InstallPlugin):
    """Installs packages on each machine that has workers, with conda.

    Parameters
    ----------
    packages : list of str
        Which.
    conda_options : list of str, optional
        More options of ``conda install``.
    restart_workers : bool
        Must workers be started anew after that?
    """

    name = "conda"

    def __init__(
        self,
        packages: list[str],
        conda_options: list[str] | None = None,
        restart_workers: bool = False,
    ):
        self.packages = packages
        command = ["conda", "install", "-y", *(conda_options or [])]
        super().__init__(_Command(command, packages), restart_workers)


class _Command:
    """Runs a program that installs packages."""

    def __init__(self, command: list[str], packages: list[str]):
        self._command = command
        self._packages = packages

    def __call__(self) -> None:
        done = subprocess.run(
            [*self._command, *self._packages], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(self._command)} failed to install {self._packages}: "
                f"{done.stderr.strip()}"
            )


@contextlib.contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Hold a lock of this machine."""
    import fcntl

    path = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class UploadDirectory(SchedulerPlugin):
    """Brings a folder to workers.

    Parameters
    ----------
    path : str
        The folder.
    restart_workers : bool
        Must workers be started anew after that?
    update_path : bool
        May modules be imported from it?
    skip_words : list of str
        Files in whose path one of these is a part are left out.
    skip : list of callables
        Files for which one of these is true are left out.
    mode : str
        ``"workers"``, ``"scheduler"`` or ``"all"``: a scheduler needs no files.
    """

    def __init__(
        self,
        path: Any,
        restart_workers: bool = False,
        update_path: bool = False,
        skip_words: Collection[str] = (
            ".git",
            ".github",
            ".pytest_cache",
            "tests",
            "docs",
        ),
        skip: Collection[Callable[[str], bool]] = (
            lambda name: Path(name).suffix == ".pyc",
        ),
        mode: str = "workers",
    ):
        if mode not in ("workers", "scheduler", "all"):
            raise ValueError(
                f"{mode=} not supported, expected one of 'workers', 'scheduler', 'all'"
            )
        folder = Path(path).resolve()
        self.path = folder.name
        self.restart_workers = restart_workers
        self.update_path = update_path
        self.name = f"upload-directory-{folder.name}"
        self._data = _zipped(folder, set(skip_words), skip)

    def _for_workers(self) -> _Unpack:
        """Give the plugin that does it, in workers."""
        return _Unpack(self.name, self._data, self.update_path, self.restart_workers)


class _Unpack(NannyPlugin):
    """Writes a folder when a worker starts."""

    def __init__(self, name: str, data: bytes, update_path: bool, restart: bool):
        self.name = name
        self.restart = restart
        self._data = data
        self._update_path = update_path

    def setup(self, nanny: Any) -> None:
        """Write it to the worker's folder."""
        folder = Path(nanny.local_directory)
        with zipfile.ZipFile(io.BytesIO(self._data)) as archive:
            archive.extractall(folder)
        own = str(folder / self.name.removeprefix("upload-directory-"))
        for place in (str(folder), own) if self._update_path else ():
            if place not in sys.path:
                sys.path.insert(0, place)


def _zipped(folder: Path, words: set[str], skip: Collection[Callable]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder.parent)
            left_out = words & set(inside.parts) or any(
                test(str(file)) for test in skip
            )
            if file.is_file() and not left_out:
                archive.write(file, str(inside))
    return buffer.getvalue()
