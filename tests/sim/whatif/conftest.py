"""The synthetic log as a module of these tests, which are no package."""

import importlib.util
import sys
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("whatif_synthetic", Path(__file__).with_name("synthetic.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_module = importlib.util.module_from_spec(_SPEC)
sys.modules["whatif_synthetic"] = _module
_SPEC.loader.exec_module(_module)
