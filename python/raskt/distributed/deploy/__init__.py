"""Starting clusters: on this machine, over SSH, or in ways that others add."""

from __future__ import annotations

from raskt.distributed.deploy.adaptive import Adaptive
from raskt.distributed.deploy.cluster import Cluster
from raskt.distributed.deploy.local import LocalCluster
from raskt.distributed.deploy.spec import ProcessInterface, SpecCluster
from raskt.distributed.deploy.ssh import SSHCluster
from raskt.distributed.deploy.subprocess import SubprocessCluster

__all__ = [
    "Adaptive",
    "Cluster",
    "LocalCluster",
    "ProcessInterface",
    "SSHCluster",
    "SpecCluster",
    "SubprocessCluster",
]
