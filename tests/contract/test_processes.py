"""Processes below one of ours, and when one has ended."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from actors.incarnation import incarnation_of, surely_dead
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

# Its first thread ends while another one goes on to listen, until its input ends.
FIRST_THREAD_ENDS = """
import ctypes, os, socket, sys, threading
listening = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
print(listening.getsockname()[1], flush=True)
ctypes.CDLL(None).pthread_exit(None)
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


def until_zombie(pid: int) -> None:
    deadline_s = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_process_whose_first_thread_has_ended_lives_on_in_the_others():
    words = [sys.executable, "-c", FIRST_THREAD_ENDS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        one = incarnation_of(process.pid)
        port = int(process.stdout.readline())
        until_zombie(process.pid)
        socket.create_connection(("127.0.0.1", port), 5).close()
        assert not surely_dead(one)
        process.stdin.close()
        process.wait(20)
        assert surely_dead(one)


def test_a_process_that_has_ended_is_dead_before_its_parent_knows():
    process = subprocess.Popen(["true"])
    one = incarnation_of(process.pid)
    try:
        until_zombie(process.pid)
        assert surely_dead(one)
    finally:
        process.wait(20)
