"""The programs of the README run as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S
)
LAST_LINES = ["5", "-285", "328350", "2000000.0"]


@pytest.mark.parametrize(
    ("program", "last_line"), list(zip(PROGRAMS, LAST_LINES, strict=True))
)
def test_program_runs_as_pasted(program, last_line, tmp_path):
    file = tmp_path / "program.py"
    file.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == last_line
