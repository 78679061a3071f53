"""The parts of the README that are made from the code: the rings, the life of a message, the table of metrics.

``python .ci/readme.py`` writes them between their markers; ``--check`` only compares, and fails when they differ.
"""

import argparse
import ast
import sys
from pathlib import Path

from actors.metrics import markdown
from router.model import TRANSITIONS, State

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
RINGS = ROOT / "tests" / "architecture" / "test_rings.py"
WORDS = {
    "router": "router: every decision, pure",
    "router.api": "router/api: REST in",
    "carriers": "carriers: SMPP both ways, webhooks out",
    "actors": "actors: Ray, Redis, Prometheus",
    "sims": "sims: SMSC, gateway, load",
    "actors.cli": "actors/cli: the command line",
}


def rings() -> dict[str, list[str]]:
    """Ring → rings it imports, read from the test that holds the tree to them."""
    for node in ast.parse(RINGS.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RINGS" and isinstance(node.value, ast.Dict):
            return {
                ast.literal_eval(key): ast.literal_eval(value.args[0]).split()
                for key, value in zip(node.value.keys, node.value.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Call)
            }
    raise SystemExit(f"{RINGS} has no RINGS")


def architecture() -> str:
    """Who may import whom, as a Mermaid graph."""
    lines = ["```mermaid", "graph TD"]
    found = rings()
    lines += [f'    {name.replace(".", "_")}["{WORDS[name]}"]' for name in found]
    for name, targets in found.items():
        lines += [f"    {name.replace('.', '_')} --> {target.replace('.', '_')}" for target in targets]
    return "\n".join([*lines, "```"])


def life() -> str:
    """The table of transitions, as a Mermaid state diagram with its legend."""
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> SCHEDULED: send_at",
        "    [*] --> QUEUED",
        "    [*] --> RECEIVED: from a handset",
    ]
    lines += [f"    {before.name} --> {after.name}" for before, after in TRANSITIONS]
    lines += [f"    {state.name} --> [*]" for state in State if state.final]
    return "\n".join([*lines, "```"])


PARTS = {"architecture": architecture, "life": life, "metrics": markdown}


def filled(text: str) -> str:
    """The README with each part made anew."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: made by .ci/readme.py -->\n", f"\n<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"the README has no place for {name}")
        text = before + begin + make().strip() + end + after
    return text


def main() -> None:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = README.read_text("utf-8")
    wanted = filled(text)
    if not parser.parse_args().check:
        README.write_text(wanted, "utf-8")
    elif text != wanted:
        sys.exit("README.md does not say what the code says: run `make readme`")


if __name__ == "__main__":
    main()
