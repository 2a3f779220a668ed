"""Temporary files and folders that are gone afterwards."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@contextlib.contextmanager
def tmpfile(extension: str = "", dir: str | None = None) -> Iterator[str]:
    """Give the path of a file that does not exist yet; remove it in the end.

    Parameters
    ----------
    extension
        How the name ends, with a dot or without.
    dir
        The folder; the system's one for temporary files if not given.

    Examples
    --------
    >>> with tmpfile("txt") as path:
    ...     path.endswith(".txt")
    True
    """
    import tempfile

    suffix = f".{extension.lstrip('.')}" if extension else ""
    handle, path = tempfile.mkstemp(suffix, dir=dir)
    os.close(handle)
    Path(path).unlink()
    try:
        yield path
    finally:
        ensure_not_exists(path)


@contextlib.contextmanager
def tmpdir(dir: str | None = None) -> Iterator[str]:
    """Give the path of a new folder; remove it in the end, with what is in it.

    Parameters
    ----------
    dir
        The folder to make it in; the system's one for temporary files if not given.
    """
    import tempfile

    path = tempfile.mkdtemp(dir=dir)
    try:
        yield path
    finally:
        ensure_not_exists(path)


@contextlib.contextmanager
def tmp_cwd(dir: str | None = None) -> Iterator[str]:
    """Make a new folder the current one for a while.

    Parameters
    ----------
    dir
        The folder to make it in; the system's one for temporary files if not given.
    """
    with tmpdir(dir) as path, contextlib.chdir(path):
        yield path


@contextlib.contextmanager
def changed_cwd(new_cwd: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder the current one for a while.

    Parameters
    ----------
    new_cwd
        The folder.
    """
    with contextlib.chdir(new_cwd):
        yield


@contextlib.contextmanager
def filetext(
    text: str | bytes,
    extension: str = "",
    open: Callable[..., Any] = open,
    mode: str = "w",
) -> Iterator[str]:
    """Give the path of a temporary file that holds a text.

    Parameters
    ----------
    text
        What the file holds.
    extension
        How its name ends.
    open
        What opens it, such as :func:`gzip.open`.
    mode
        How it is opened.

    Examples
    --------
    >>> with filetext("hello") as path:
    ...     Path(path).read_text()
    'hello'
    """
    with tmpfile(extension) as path:
        with open(path, mode) as file:
            file.write(text)
        yield path


@contextlib.contextmanager
def filetexts(
    d: Mapping[str, str | bytes],
    open: Callable[..., Any] = open,
    mode: str = "t",
    use_tmpdir: bool = True,
) -> Iterator[list[str]]:
    """Write several files, and remove them in the end.

    Parameters
    ----------
    d
        What each file holds, by its path.
    open
        What opens them, such as :func:`gzip.open`.
    mode
        ``"t"`` for text, ``"b"`` for bytes.
    use_tmpdir
        Whether paths are relative to a new folder, which becomes the current one.

    Examples
    --------
    >>> with filetexts({"a.csv": "1", "b.csv": "2"}) as paths:
    ...     [Path(path).read_text() for path in paths]
    ['1', '2']
    """
    with tmp_cwd() if use_tmpdir else contextlib.nullcontext():
        for path, text in d.items():
            if folder := os.fspath(Path(path).parent):
                Path(folder).mkdir(parents=True, exist_ok=True)
            with open(path, f"w{mode}") as file:
                file.write(text)
        try:
            yield list(d)
        finally:
            for path in d:
                ensure_not_exists(path)


def ensure_not_exists(filename: str | os.PathLike[str]) -> None:
    """Remove a file or a folder, if it is there.

    Parameters
    ----------
    filename
        Its path.
    """
    path = Path(filename)
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
