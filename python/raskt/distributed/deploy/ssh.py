"""``SSHCluster``: a scheduler and workers on other machines, over SSH."""

from __future__ import annotations

import shlex
import sys
from typing import Any

from raskt.distributed.deploy._remote import RemoteNode
from raskt.distributed.deploy.spec import SpecCluster

__all__ = ["SSHCluster", "ssh_command"]


def SSHCluster(
    hosts: list[str] | None = None,
    connect_options: dict | list[dict] | None = None,
    worker_options: dict | None = None,
    scheduler_options: dict | None = None,
    worker_class: str = "distributed.Nanny",
    remote_python: str | list[str] | None = None,
    **kwargs: Any,
) -> SpecCluster:
    """Start a cluster on machines that are reached with the program ``ssh``.

    Nodes that other machines reach need certificates, or a secret, which the scheduler
    makes and which travels through SSH.

    Parameters
    ----------
    hosts : list of str
        The machines: the scheduler runs on the first one, workers on the others.
    connect_options : dict or list of dict, optional
        For ``ssh``, for all machines or each: ``username``, ``port``,
        ``client_keys``, ``known_hosts``, ``config``, ``options`` (more arguments).
    worker_options : dict, optional
        More arguments for the workers; ``n_workers``: how many on each machine.
    scheduler_options : dict, optional
        More arguments for :class:`Scheduler`.
    worker_class : str
        What runs tasks.
    remote_python : str or list of str, optional
        The interpreter there, for all machines or each.
    **kwargs
        For :class:`SpecCluster`.

    Examples
    --------
    >>> from raskt.distributed import Client, SSHCluster
    >>> cluster = SSHCluster(["localhost", "localhost"])  # doctest: +SKIP
    >>> client = Client(cluster)  # doctest: +SKIP
    """
    if not hosts or len(hosts) < 2:
        raise ValueError(
            "SSHCluster needs at least two machines: the first one for the scheduler, "
            "the others for workers"
        )
    options = _for_each(connect_options or {}, hosts, "connect_options")
    pythons = _for_each(remote_python or sys.executable, hosts, "remote_python")
    worker_options = dict(worker_options or {})
    count = worker_options.pop("n_workers", 1)
    commands = [
        ssh_command(host, connect, python)
        for host, connect, python in zip(hosts, options, pythons, strict=True)
    ]
    workers = {
        f"{number}-{i}" if count > 1 else number: _node(
            command, worker_class, {"host": host, **worker_options}
        )
        for number, (host, command) in enumerate(
            zip(hosts[1:], commands[1:], strict=True)
        )
        for i in range(count)
    }
    scheduler_options = {"host": hosts[0], **(scheduler_options or {})}
    scheduler = _node(commands[0], "distributed.Scheduler", scheduler_options)
    return SpecCluster(workers, scheduler, name="SSHCluster", **kwargs)


def _node(command: list[str], kind: str, kwargs: dict) -> dict[str, Any]:
    options = {"command": command, "kind": kind, "kwargs": kwargs}
    return {"cls": RemoteNode, "options": options}


def _for_each(value: Any, hosts: list[str], what: str) -> list:
    if not isinstance(value, list):
        return [value] * len(hosts)
    if len(value) != len(hosts):
        raise RuntimeError(
            f"{what} has {len(value)} entries for {len(hosts)} machines: give one for "
            "each, or one for all"
        )
    return value


def ssh_command(host: str, options: dict[str, Any], python: str) -> list[str]:
    """Give the command that starts a node on a machine.

    Examples
    --------
    >>> ssh_command("alice", {"username": "bob", "port": 22}, "python3")[-3:]
    ['bob', 'alice', 'python3 -m raskt.distributed.remote_main']
    """
    command = ["ssh", "-T", "-o", "BatchMode=yes"]
    if "known_hosts" in options and options["known_hosts"] is None:
        command += ["-o", "StrictHostKeyChecking=no"]
        command += ["-o", "UserKnownHostsFile=/dev/null"]
    elif options.get("known_hosts"):
        command += ["-o", f"UserKnownHostsFile={options['known_hosts']}"]
    keys = options.get("client_keys") or []
    for key in [keys] if isinstance(keys, str) else keys:
        command += ["-i", str(key)]
    if options.get("config"):
        command += ["-F", str(options["config"])]
    if options.get("port"):
        command += ["-p", str(options["port"])]
    command += [str(option) for option in options.get("options", ())]
    if options.get("username"):
        command += ["-l", options["username"]]
    remote = shlex.join([python, "-m", "raskt.distributed.remote_main"])
    return [*command, host, remote]
