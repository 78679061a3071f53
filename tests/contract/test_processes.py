"""Processes below one of ours."""

import subprocess
import sys

# A child that leaves a child of its own behind; says whether that is still found once its parent is gone.
LEFT_BEHIND = """
import os, subprocess, sys
from actors.processes import adopt_orphans, descendants, incarnations, outlive

if "adopt" in sys.argv:
    adopt_orphans()
code = "import subprocess; print(subprocess.Popen(['sleep', '60'], start_new_session=True, stdout=subprocess.DEVNULL).pid)"
left = int(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout)
print(left in descendants(os.getpid()))
outlive(incarnations([left]), 0.0)
"""


def found(*words: str) -> str:
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND, *words], stdout=subprocess.PIPE, check=True, text=True, timeout=60)
    return done.stdout.strip()


def test_what_was_left_behind_is_found_by_who_adopts_orphans():
    assert found("adopt") == "True"
    assert found() == "False"
