"""The names of `raskt.distributed` and their arguments are those of Dask's."""

import inspect
import subprocess
import sys

import pytest
from raskt import distributed as ours

theirs = pytest.importorskip("distributed")

CLASSES = [
    "Actor",
    "Adaptive",
    "Client",
    "CondaInstall",
    "Environ",
    "Event",
    "InstallPlugin",
    "LocalCluster",
    "Lock",
    "MultiLock",
    "NannyPlugin",
    "PipInstall",
    "Queue",
    "SchedulerPlugin",
    "Security",
    "Semaphore",
    "SpecCluster",
    "UploadDirectory",
    "UploadFile",
    "Variable",
    "WorkerPlugin",
    "as_completed",
    "get_task_metadata",
    "get_task_stream",
    "performance_report",
    "rpc",
]
# Ways to Dask's own machinery, which has no counterpart.
WITHOUT = {
    "Actor": {"substitute"},
    "Future": {"substitute"},
    "Lock": {"asynchronous", "loop", "scheduler", "sync"},
    "Semaphore": {"asynchronous", "loop", "scheduler", "sync"},
    "rpc": {"active", "address", "close_comms", "close_rpc", "comms", "live_comm"},
}
# What an object has once it was made.
OF_OBJECTS = {
    "Actor": {"key"},
    "LocalCluster": {"scheduler_address"},
    "SpecCluster": {"scheduler_address"},
}


def parameters(function):
    try:
        return list(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        return None


def public(cls):
    return {name for name in dir(cls) if not name.startswith("_")}


def test_the_package_exports_the_same_names():
    assert set(ours.__all__) == set(theirs.__all__)


def test_functions_have_the_same_arguments():
    for name in theirs.__all__:
        function = getattr(theirs, name)
        if inspect.isfunction(function):
            assert parameters(getattr(ours, name)) == parameters(function), name


@pytest.mark.parametrize("name", CLASSES)
def test_classes_take_the_same_arguments(name):
    assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name))


@pytest.mark.parametrize("name", [*CLASSES, "Future"])
def test_classes_have_the_same_methods(name):
    mine, other = getattr(ours, name), getattr(theirs, name)
    missing = public(other) - public(mine)
    assert missing - WITHOUT.get(name, set()) - OF_OBJECTS.get(name, set()) == set()


@pytest.mark.parametrize("name", [*CLASSES, "Future"])
def test_methods_have_the_same_arguments(name):
    mine, other = getattr(ours, name), getattr(theirs, name)
    for method in public(other) & public(mine):
        theirs_method = inspect.getattr_static(other, method)
        if inspect.isfunction(theirs_method):
            expected = parameters(getattr(other, method))
            found = parameters(getattr(mine, method))
            assert found in (expected, None), f"{name}.{method}"


@pytest.mark.parametrize(
    "module, name",
    [
        ("client", "Future"),
        ("worker", "get_client"),
        ("scheduler", "KilledWorker"),
        ("deploy", "Cluster"),
        ("deploy.spec", "ProcessInterface"),
        ("deploy.local", "LocalCluster"),
        ("diagnostics.plugin", "WorkerPlugin"),
        ("diagnostics.progressbar", "progress"),
        ("threadpoolexecutor", "secede"),
        ("utils", "TimeoutError"),
        ("core", "Status"),
        ("lock", "Lock"),
        ("queues", "Queue"),
        ("security", "Security"),
        ("nanny", "Nanny"),
    ],
)
def test_names_are_where_programs_look_for_them(module, name):
    __import__(f"distributed.{module}")
    found = __import__(f"raskt.distributed.{module}", fromlist=[name])
    assert hasattr(found, name)


def test_importing_raskt_imports_no_cluster():
    code = "import raskt, sys; sys.exit('raskt.distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_package_is_found_as_an_attribute():
    import raskt

    assert raskt.distributed is ours
