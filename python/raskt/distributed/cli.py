"""The commands ``raskt scheduler`` and ``raskt worker``, with the options of Dask's."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from raskt import config, system
from raskt.distributed.security import Security

__all__ = ["scheduler", "worker"]

SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "max_content_width": 88,
}


def _with_options(*options: Callable) -> Callable:
    def decorate(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _security_options(role: str) -> Callable:
    path = click.Path(exists=True, resolve_path=True)
    return _with_options(
        click.option("--tls-ca-file", type=path, help="The certificate of all others."),
        click.option("--tls-cert", type=path, help=f"The certificate of the {role}."),
        click.option("--tls-key", type=path, help="Its key."),
    )


_listening = _with_options(
    click.option("--host", default="", help="Where to listen."),
    click.option("--interface", help="Or the network interface, such as 'eth0'."),
    click.option("--protocol", help="tcp or tls."),
    click.option("--pid-file", default="", help="A file to write the process id to."),
    click.option(
        "--preload",
        multiple=True,
        help="A module, file or code to load first; what follows are its arguments.",
    ),
    click.option("--scheduler-file", default="", help="A file with the address."),
)


@click.command(name="scheduler", context_settings=SETTINGS)
@_listening
@_security_options("scheduler")
@click.option("--port", type=int, help="Where to listen; 0 for any.  [default: 8786]")
@click.option("--dashboard-address", default=":8787", help="Where web pages are.")
@click.option("--dashboard/--no-dashboard", default=True, help="Are there web pages?")
@click.option("--idle-timeout", help="End after so long without work.")
@click.option("--jupyter/--no-jupyter", hidden=True)
@click.option("--show/--no-show", hidden=True)
@click.option("--dashboard-prefix", hidden=True)
@click.argument("preload_argv", nargs=-1, type=click.UNPROCESSED)
@click.version_option(package_name="raskt")
def scheduler(
    host: str,
    interface: str | None,
    protocol: str | None,
    pid_file: str,
    preload: tuple[str, ...],
    scheduler_file: str,
    tls_ca_file: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    port: int | None,
    dashboard_address: str,
    dashboard: bool,
    idle_timeout: str | None,
    preload_argv: tuple[str, ...],
    **ignored: Any,
) -> None:
    """Run the scheduler of a cluster until it is stopped.

    It listens on this machine only, unless there are certificates, or a scheduler file
    that has the secret of the cluster.
    """
    from raskt.distributed.scheduler import Scheduler
    from raskt.distributed.worker_main import until_signalled

    _prepare()
    security = _security("scheduler", tls_ca_file, tls_cert, tls_key)
    node = Scheduler(
        host=host,
        interface=interface,
        port=8786 if port is None else port,
        protocol=protocol or ("tls" if tls_ca_file else None),
        security=security,
        scheduler_file=scheduler_file or None,
        dashboard=dashboard,
        dashboard_address=dashboard_address,
        idle_timeout=idle_timeout,
        preload=list(preload) or None,
        preload_argv=list(preload_argv),
    )
    stopped = until_signalled()
    with _failing_well(), _pid_file(pid_file):
        node._begin()
        click.echo(f"Scheduler at: {node.address}", err=True)
        while not stopped.is_set() and not node._wait(0.2):
            pass
        node._end()
        click.echo(f"Stopped scheduler at {node.address}", err=True)


@click.command(name="worker", context_settings=SETTINGS)
@click.argument("scheduler", type=str, required=False)
@_listening
@_security_options("worker")
@click.option("--worker-port", default="0", help="Where workers listen: 0, N or N:M.")
@click.option("--nanny-port", default="0", hidden=True)
@click.option("--listen-address", help="Where to listen, if others see another one.")
@click.option("--contact-address", help="Where others reach it.")
@click.option("--dashboard-address", default=":0", help="Where web pages are.")
@click.option("--dashboard/--no-dashboard", default=True, help="Are there web pages?")
@click.option("--nthreads", type=int, default=0, help="Threads of each worker.")
@click.option(
    "--nworkers",
    help="Number of workers; 'auto' for what suits, -1 for one a processor.",
)
@click.option("--name", help="What it is called; numbers are added for several.")
@click.option(
    "--memory-limit",
    default="auto",
    help="Memory of each worker: a size, a share, 'auto', or 0 for no limit.",
)
@click.option("--nanny/--no-nanny", default=True, help="In processes that are kept?")
@click.option("--local-directory", type=str, help="Where to keep files.")
@click.option("--resources", default=None, help="Like 'GPU=2 MEM=10e9'.")
@click.option("--death-timeout", help="End after so long without a scheduler.")
@click.option("--lifetime", help="Retire after so long.")
@click.option("--lifetime-stagger", help="So much more or less, by chance.")
@click.option("--lifetime-restart/--no-lifetime-restart", default=None)
@click.option("--worker-class", help="The dotted name of what runs tasks.")
@click.option("--preload-nanny", multiple=True, help="What nannies load first.")
@click.option("--scheduler-sni", hidden=True)
@click.option("--dashboard-prefix", hidden=True)
@click.argument("preload_argv", nargs=-1, type=click.UNPROCESSED)
@click.version_option(package_name="raskt")
def worker(scheduler: str | None, **options: Any) -> None:
    """Run workers of a cluster until they are stopped.

    SCHEDULER is the address of the scheduler; a scheduler file has it, too.
    """
    if not scheduler and not options["scheduler_file"]:
        scheduler = config.get("scheduler-address", None)
        if not scheduler:
            raise click.UsageError(
                "Need to provide scheduler address like\n"
                "raskt worker SCHEDULER_ADDRESS:8786"
            )
    _prepare()
    count, threads = _counts(options["nworkers"], options["nthreads"])
    if count > 1 and not options["nanny"]:
        raise click.UsageError(
            "Failed to launch worker. You cannot use the --no-nanny argument when "
            "nworkers > 1."
        )
    if count > 1 and options["listen_address"]:
        raise click.UsageError("--listen-address is for one worker, not several")
    if options["contact_address"] and not options["listen_address"]:
        raise click.UsageError("--contact-address needs --listen-address")
    kwargs = _worker_arguments(options, threads)
    with _failing_well(), _pid_file(options["pid_file"]):
        if options["nanny"]:
            _run_nannies(scheduler, count, kwargs, options)
        else:
            _run_here(scheduler, kwargs, options)


def _worker_arguments(options: dict[str, Any], threads: int) -> dict[str, Any]:
    security = _security(
        "worker", options["tls_ca_file"], options["tls_cert"], options["tls_key"]
    )
    passed = (
        "interface",
        "protocol",
        "local_directory",
        "death_timeout",
        "lifetime",
        "lifetime_stagger",
        "lifetime_restart",
        "memory_limit",
        "contact_address",
        "listen_address",
    )
    found = {name: options[name] for name in passed if options[name] is not None}
    return {
        **found,
        "scheduler_file": options["scheduler_file"] or None,
        "host": options["host"] or None,
        "nthreads": threads,
        "security": security,
        "resources": _resources(options["resources"]),
        "preload": list(options["preload"]) or None,
        "preload_argv": list(options["preload_argv"]) or None,
        "dashboard_address": (
            options["dashboard_address"] if options["dashboard"] else None
        ),
    }


def _run_nannies(
    address: str | None, count: int, kwargs: dict[str, Any], options: dict[str, Any]
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from raskt.distributed.core import Status
    from raskt.distributed.nanny import Nanny
    from raskt.distributed.worker_main import until_signalled

    name = options["name"]
    stopped = until_signalled()
    nannies = [
        Nanny(
            address,
            name=f"{name}-{number}" if name and count > 1 else name,
            worker_port=options["worker_port"],
            worker_class=options["worker_class"],
            preload_nanny=list(options["preload_nanny"]) or None,
            **kwargs,
        )
        for number in range(count)
    ]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(Nanny._begin, nannies))
        for nanny in nannies:
            nanny.status = Status.running
            click.echo(f"Worker at: {nanny.worker_address}", err=True)
        while not stopped.is_set() and not all(n._wait(0.2) for n in nannies):
            pass
        list(pool.map(Nanny._end, nannies))
    click.echo("End worker", err=True)


def _run_here(
    address: str | None, kwargs: dict[str, Any], options: dict[str, Any]
) -> None:
    from raskt.distributed._imports import import_term
    from raskt.distributed.worker_main import run_until_closed

    kind = import_term(options["worker_class"] or "raskt.distributed.Worker")
    node = kind(address, name=options["name"], port=options["worker_port"], **kwargs)
    node._begin()
    click.echo(f"Worker at: {node.address}", err=True)
    code = run_until_closed(node)
    click.echo("End worker", err=True)
    sys.stdout.flush()
    # Threads of tasks that still run must not keep the process.
    os._exit(code)


def _counts(nworkers: str | None, nthreads: int) -> tuple[int, int]:
    """Give the number of workers, and of threads of each.

    Examples
    --------
    >>> _counts("3", 2)
    (3, 2)
    """
    if nworkers == "auto":
        if nthreads:
            raise click.UsageError("nthreads cannot be given with nworkers='auto'")
        from raskt.distributed.deploy.local import nprocesses_nthreads

        return nprocesses_nthreads()
    try:
        count = int(nworkers or 1)
    except ValueError:
        raise click.UsageError(
            f"nworkers must be a number or 'auto', not {nworkers!r}"
        ) from None
    if count < 0:
        count = system.CPU_COUNT + 1 + count
    if count < 1:
        raise click.UsageError("Failed to launch worker. No workers were asked for.")
    return count, nthreads or max(1, system.CPU_COUNT // count)


def _resources(text: str | None) -> dict[str, float] | None:
    """Read resources as the command line has them.

    Examples
    --------
    >>> _resources("GPU=2 MEM=10e9"), _resources("GPU=2,MEM=1")
    ({'GPU': 2.0, 'MEM': 10000000000.0}, {'GPU': 2.0, 'MEM': 1.0})
    """
    if not text:
        return None
    pairs = (pair.partition("=") for pair in text.replace(",", " ").split())
    try:
        return {name: float(amount) for name, _, amount in pairs}
    except ValueError:
        raise click.UsageError(
            f"resources are written like 'GPU=2 MEM=10e9', not {text!r}"
        ) from None


def _security(
    role: str, ca_file: str | None, cert: str | None, key: str | None
) -> Security:
    given = {"tls_ca_file": ca_file, f"tls_{role}_cert": cert, f"tls_{role}_key": key}
    return Security(**{name: value for name, value in given.items() if value})


def _prepare() -> None:
    """Log to the standard error; have room for files, and fewer collections."""
    import gc
    import resource

    logging.basicConfig(
        level=logging.INFO, format=config.get("distributed.admin.log-format")
    )
    first, second, third = gc.get_threshold()
    gc.set_threshold(first * 3, second * 3, third * 3)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard // 2), hard))


@contextlib.contextmanager
def _failing_well() -> Iterator[None]:
    """Show what went wrong in a line, and not as a traceback."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, json.JSONDecodeError) as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def _pid_file(name: str) -> Iterator[None]:
    if not name:
        yield
        return
    path = Path(name)
    path.write_text(str(os.getpid()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
