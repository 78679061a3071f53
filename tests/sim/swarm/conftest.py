"""The mutants as a module of these tests, which are no package."""

import importlib.util
import sys
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("swarm_mutants", Path(__file__).with_name("mutants.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_mutants = importlib.util.module_from_spec(_SPEC)
sys.modules["swarm_mutants"] = _mutants
_SPEC.loader.exec_module(_mutants)
