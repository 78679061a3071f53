"""The source text, read and parsed once."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("router", "carriers", "actors", "sims")


@dataclass(frozen=True)
class Source:
    path: Path  # from the root of the tree

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text("utf-8")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @property
    def name(self) -> str:
        """The module, dotted."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 0)}"

    def imports(self) -> Iterator[tuple[str, str]]:
        """Each imported module, dotted, with its place. ``from a import b`` is a.b: b may be a module."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name, self.at(node)) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                yield from ((f"{base}.{alias.name}", self.at(node)) for alias in node.names)


def _sources(*folders: str) -> list[Source]:
    found = [Source(path.relative_to(ROOT)) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Everything that is installed, parsed with the collector at rest: it finds nothing and doubles the time."""
    found = _sources(*PACKAGES)
    gc.disable()
    for source in found:
        assert source.nodes
    gc.freeze()
    gc.enable()
    return found


@pytest.fixture(scope="session")
def tests() -> list[Source]:
    return _sources("tests")
