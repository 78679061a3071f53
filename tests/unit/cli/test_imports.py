import subprocess
import sys


def test_the_command_line_does_not_import_ray_before_its_token_is_set() -> None:
    """Ray reads its authentication mode when it is imported: who imports it first is refused by every cluster."""
    asked = "import sys, actors.cli.main; print('ray' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )  # with a time-out it would sleep
    assert told.stdout.strip() == "False"
