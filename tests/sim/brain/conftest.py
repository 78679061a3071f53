"""The small world as a module of these tests, which are no package."""

import importlib.util
import sys
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("brain_world", Path(__file__).with_name("world.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_world = importlib.util.module_from_spec(_SPEC)
sys.modules["brain_world"] = _world
_SPEC.loader.exec_module(_world)
