"""Processes below one of ours."""

import os
import subprocess
import sys
from pathlib import Path

from actors.journal import EmbeddedServer
from actors.processes import serves_journal

# A child that leaves a child of its own behind; says whether that is still found once its parent is gone.
LEFT_BEHIND = """
import os, subprocess, sys
from pathlib import Path
from actors.processes import adopt_orphans, bury, descendants, incarnations, outlive

if "adopt" in sys.argv:
    adopt_orphans()
code = "import subprocess; print(subprocess.Popen(['sleep', '60'], start_new_session=True, stdout=subprocess.DEVNULL).pid)"
left = int(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout)
print(left in descendants(os.getpid()))
outlive(incarnations([left]), 0.0)
if "adopt" in sys.argv:
    while Path(f"/proc/{left}").exists():  # dead, and unburied
        bury({left} if "spare" in sys.argv else ())
        if "spare" in sys.argv:
            break
    print(Path(f"/proc/{left}").exists())
"""


def found(*words: str) -> str:
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND, *words], stdout=subprocess.PIPE, check=True, text=True, timeout=60)
    return done.stdout.strip()


def test_what_was_left_behind_is_found_by_who_adopts_orphans():
    assert found("adopt").split() == ["True", "False"]
    assert found("adopt", "spare").split() == ["True", "True"]
    assert found() == "False"


async def test_a_journals_server_is_known_by_its_program(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    await server.start()
    try:
        assert serves_journal(server.pid() or 0)
        assert not serves_journal(os.getpid())
    finally:
        await server.stop()
