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
    # Folders of tests are no packages: the helper is loaded by its path, once, under the name that the tests import.
    _SPEC = importlib.util.spec_from_file_location("cluster_world", Path(__file__).with_name("world.py"))
    world_module = importlib.util.module_from_spec(_SPEC)
    sys.modules["cluster_world"] = world_module
    _SPEC.loader.exec_module(world_module)
    World = world_module.World


def _started(folder: Path) -> Iterator["World"]:
    world = World(folder)
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
