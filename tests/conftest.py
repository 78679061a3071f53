"""What every run of tests says first: which tests it has not got; and which of them stay together when two processes share them."""

import importlib.util
import sys
from pathlib import Path

import pytest

CLUSTER = Path(__file__).with_name("cluster")

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


@pytest.hookimpl(tryfirst=True)  # before the groups become part of the names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # They wait for processes most of the time, and share a running system: one process has them, the other the rest.
    for item in items:
        if CLUSTER in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("cluster"))
