"""Run Dask's own array, dataframe and bag tests with raskt as Dask's scheduler.

    python scripts/dask_on_raskt.py [array] [dataframe] [bag] [-- PYTEST ARGUMENTS]

The tests are those of the installed Dask, unchanged. Whatever fails is run once more
with Dask's own scheduler: only what passes there counts against raskt. Exit status 1
if something does.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

PLUGIN = """
import os

import dask
import dask.base

import raskt.local

if os.environ["DASK_ON"] == "raskt":
    # Tests name schedulers; every local name leads to raskt.
    for name in ("threads", "threading", "processes", "multiprocessing"):
        dask.base.named_schedulers[name] = raskt.get
    for name in ("sync", "synchronous", "single-threaded"):
        dask.base.named_schedulers[name] = raskt.local.get_sync
    dask.config.set(scheduler=raskt.get)
"""

FOLDERS = {
    "array": ["array/tests"],
    "bag": ["bag/tests"],
    "dataframe": ["dataframe/tests", "dataframe/io/tests", "dataframe/dask_expr/tests"],
}
# Need hardware or services, or are about a scheduler by name.
LEFT_OUT = ("cupy", "test_distributed", "spark", "network")


def run(scheduler: str, tests: list[str], extra: list[str], root: Path) -> list[str]:
    """Run tests; give the ids of those that failed."""
    folder = root / ".dask_on_raskt"
    folder.mkdir(exist_ok=True)
    (folder / "dask_on_raskt_plugin.py").write_text(PLUGIN)
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "DASK_ON": scheduler,
        "PYTHONPATH": os.pathsep.join(p for p in paths if p),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider"]
    command += [
        "-p",
        "dask_on_raskt_plugin",
        "-c",
        os.devnull,
        "--tb=no",
        "--no-header",
    ]
    command += ["--import-mode=importlib", "-o", "addopts=", f"--rootdir={root}"]
    command += [*extra, *tests]
    out = subprocess.run(command, env=environment, capture_output=True, text=True)
    print(f"{scheduler:6} {out.stdout.strip().splitlines()[-1]}", flush=True)
    found = re.findall(r"^(?:FAILED|ERROR) ([^:]+)(\S*)", out.stdout, re.M)
    return sorted({str(Path(file).resolve()) + test for file, test in found})


def main() -> int:
    """Run the suites that are named, or all."""
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    suites, extra = words[:split] or list(FOLDERS), words[split + 1 :]
    spec = importlib.util.find_spec("dask")
    if spec is None or spec.submodule_search_locations is None:
        print("Dask is not installed here: its tests are what is run")
        return 2
    root = Path(spec.submodule_search_locations[0])
    worse = []
    for suite in suites:
        files = [
            str(path)
            for folder in FOLDERS[suite]
            for path in sorted((root / folder).glob("test_*.py"))
            if not any(part in path.name for part in LEFT_OUT)
        ]
        print(f"{suite}: {len(files)} files", flush=True)
        failed = run("raskt", files, extra, root)
        known = run("dask", failed, [], root) if failed else []
        worse += [test for test in failed if test not in known]
    for test in worse:
        print(f"passes with Dask's scheduler only: {test}")
    print(f"{len(worse)} tests pass with Dask's scheduler and not with raskt")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
