"""Starts a system and answers questions about it, a line of JSON each: Ray stays out of the process that runs the tests.

``driver.py DATA_DIR SETTINGS``; then lines ``["word", argument…]`` on standard input, ``["up", KEY]`` the first. Ray writes down how it was called: not the key. When the input ends the system is stopped.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from actors.cli.system import System, overview
from router.config import load_settings_bytes

CALL_S = 5.0


def ping(name: str) -> dict[str, Any] | None:
    import ray

    try:
        handle = ray.get_actor(name, "trunkline")
        return dict(ray.get(handle.ping.remote(), timeout=CALL_S))
    except (ValueError, ray.exceptions.RayError):
        return None


def actors() -> list[str]:
    """Every named actor that Ray knows, as often as it knows it."""
    import ray

    return sorted(ray.util.list_named_actors())


def main() -> None:
    data_dir, settings_file = Path(sys.argv[1]), Path(sys.argv[2])
    system = System(data_dir)
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever libraries print is no answer

    def answer(value: object) -> None:
        answers.write(json.dumps(value, default=str) + "\n")
        answers.flush()

    try:
        for line in sys.stdin:
            word, *arguments = json.loads(line)
            started_s = time.monotonic()
            match word:
                case "up":
                    running = system.up(load_settings_bytes(settings_file.read_bytes()), config="test", key=arguments[0])
                    answer(
                        {
                            "api": running.api_url,
                            "smpp": running.smpp_address,
                            "journal": running.journal_url,
                            "ray": running.ray_process,
                            "took_s": time.monotonic() - started_s,
                        }
                    )
                case "down":
                    answer(system.down())
                case "overview":
                    answer(overview())
                case "ping":
                    answer(ping(*arguments))
                case "actors":
                    answer(actors())
    finally:
        system.down()


if __name__ == "__main__":
    main()
