"""What every run of tests says first: which tests it has not got; and which of them stay together when two processes share them."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

CLUSTER = "tests/cluster/"

# Folders of tests are no packages: this is loaded by its path, under the name that the tests of ``interop`` import.
_SPEC = importlib.util.spec_from_file_location("interop_foreign", Path(__file__).with_name("interop") / "foreign.py")
assert _SPEC is not None
assert _SPEC.loader is not None
foreign = importlib.util.module_from_spec(_SPEC)
sys.modules["interop_foreign"] = foreign
_SPEC.loader.exec_module(foreign)


def pytest_report_header() -> str | None:
    missing = foreign.missing()
    if not missing:
        return None
    return f"not here: {', '.join(missing.values())}; the tests that need them are left out (`make interop` fetches them)"


class _Scheduling(LoadScopeScheduling):
    """The tests of a running system in one process: they wait most of the time, and share what runs. The rest wherever there is time."""

    def _split_scope(self, nodeid: str) -> str:
        return CLUSTER if nodeid.startswith(CLUSTER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    return _Scheduling(config, log)
