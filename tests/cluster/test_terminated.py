"""A process that is attached to Ray and told to end has all the time that its way down takes."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(300)

# Ray's own handler has the process aborted by an alarm, three seconds after the signal.
ATTACHED = """
import pathlib, signal, sys
from actors.cli.system import load_state
from actors.cluster import connect, disconnect
def told(*_):
    print("told; an alarm in", signal.alarm(0), flush=True)
    disconnect()
    sys.exit(3)
signal.signal(signal.SIGTERM, told)
folder = pathlib.Path(sys.argv[1])
connect(load_state(folder).ray_address, folder)
print("attached", flush=True)
while True:
    signal.pause()
"""


def test_its_own_handler_is_called_and_no_alarm_is_set(world):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", ATTACHED, str(world.data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "attached\n"
            process.terminate()
            assert process.stdout.readline() == "told; an alarm in 0\n"
            assert process.wait(60) == 3
        finally:
            process.kill()
