from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import raskt

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

# What the last line says; it does not depend on the machine.
LAST_LINES = {
    "custom_collection.py": "letters: 28",
    "custom_graph.py": "an error: Cycle detected",
    "dask_scheduler.py": "sum: 25",
    "etl.py": "Tromsø",
    "hello.py": "both: 10 4",
    "profile.py": "tasks: 17 - the slowest: ",
    "wordcount.py": " ",
}


def test_there_are_few_examples():
    assert {path.name for path in EXAMPLES} == set(LAST_LINES)
    assert len(EXAMPLES) <= 8


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_say_what_they_show(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert ast.get_docstring(ast.parse(text)).endswith(".")
    assert text.startswith('"""')


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, tmp_path):
    if path.name == "dask_scheduler.py":
        pytest.importorskip("dask.array")
    done = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(raskt.__file__).parents[1]),
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith(LAST_LINES[path.name])
