"""One system for all tests that leave it as they found it, and one of its own for a test that asks for ``own_world``."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.world import World
else:
    # Folders of tests are no packages: helpers are loaded by their path, once, under the names that the tests import.
    def _load(name: str):
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name.removeprefix('cluster_')}.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    _load("cluster_around")
    World = _load("cluster_world").World
    _load("cluster_customer")
    _load("cluster_nodes")
    _load("cluster_steady")


def _started(folder: Path, code: Path | None = None) -> Iterator["World"]:
    world = World(folder, code)
    try:
        world.up()
        world.bound(*world.sims)
        yield world
    finally:
        world.close()


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator["World"]:
    yield from _started(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(shared_world: "World") -> "World":
    """The shared system, its simulators calm and its carriers bound."""
    for sim in shared_world.sims.values():
        sim.calm()
    shared_world.bound(*shared_world.sims)
    return shared_world


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator["World"]:
    yield from _started(tmp_path)


@pytest.fixture
def own_code_world(tmp_path: Path, code: Path) -> Iterator["World"]:
    """A system that runs the code in the folder that the fixture ``code`` tells."""
    yield from _started(tmp_path, code)
