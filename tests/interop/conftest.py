"""Both ends of our SMPP against software that is not ours, over sockets, everything that is said recorded on the way."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from router.settings import CarrierProfile

HERE = Path(__file__).parent


def _loaded(spec: Any) -> ModuleType:
    """Folders of tests are no packages: what several files need is loaded by its path, under the name that they import."""
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


foreign = sys.modules["interop_foreign"]  # loaded by ``tests/conftest.py``, which says what is missing
wire = _loaded(importlib.util.spec_from_file_location("interop_wire", HERE / "wire.py"))
office_module = _loaded(importlib.util.spec_from_file_location("interop_office", HERE / "office.py"))
customers = _loaded(importlib.util.spec_from_file_location("interop_customers", HERE / "customers.py"))
# The link with everything that it tells, as the contract tests use it.
smpp_rig = _loaded(importlib.util.spec_from_file_location("interop_rig", HERE.parent / "contract" / "smpp" / "conftest.py"))

_NEEDS = {"test_wireshark.py": "tshark", "test_perl_customer.py": "perl", "test_kannel.py": "kannel"}
collect_ignore = [file for file, need in _NEEDS.items() if need in foreign.missing()]


@pytest.fixture(scope="session")
def conversations() -> list[Any]:
    """Of all tests of this folder, in order of their beginning."""
    return []


MakeTap = Callable[[int], Awaitable[Any]]


@pytest.fixture
async def tap(conversations: list[Any]) -> AsyncIterator[MakeTap]:
    """A recording relay to a port: ``(await tap(port)).port``."""
    running = []

    async def make(port: int) -> Any:
        running.append(await wire.Tap(conversations, port).start())
        return running[-1]

    yield make
    for one in running:
        await one.close()


MakeRig = Callable[..., Any]


@pytest.fixture
async def make_rig(tap: MakeTap) -> AsyncIterator[MakeRig]:
    """Our carrier link to a port on this machine, by a tap; bound when it is returned, unless it is not expected to be."""
    rigs = []

    async def make(port: int, *, sessions: int = 1, bound: bool = True, **fields: Any) -> Any:
        relay = await tap(port)
        values: dict[str, Any] = {
            "name": "acme",
            "addresses": (f"127.0.0.1:{relay.port}",),
            "system_id": "trunk",
            "password": "secret",
            "sessions": sessions,
            "rebind_min_s": 0.02,
            "rebind_max_s": 0.1,
        }
        rigs.append(smpp_rig.Rig(CarrierProfile(**(values | fields))))
        if bound:
            return await rigs[-1].bound(sessions)
        await rigs[-1].link.start()
        return rigs[-1]

    yield make
    for rig in rigs:
        await rig.link.close(0.0)


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Start a program and hear of its errors when the test fails."""
    running = []

    async def start(*argv: str, listens: bool = True) -> Any:
        running.append(foreign.Program(*argv, listens=listens))
        return await running[-1].start()

    yield start
    for program in running:
        await program.stop()
        if program.errors:
            print(program.argv[1], program.errors, sep="\n")


@pytest.fixture
async def office(make_office):
    return await make_office()


@pytest.fixture
async def make_office():
    made = []

    async def make(**settings):
        made.append(office_module.Office(**settings))
        await made[-1].listener.start()
        return made[-1]

    yield make
    for one in made:
        await one.listener.close(0.0)


@pytest.fixture(params=customers.HERE)
def name(request):
    return request.param


@pytest.fixture
def customer(name, run, tap):
    """``await customer(office, …)``: a program that speaks to our server by a tap."""

    async def make(office, system_id="acme", password=office_module.PASSWORDS["acme"]):
        relay = await tap(office.listener.port)
        return customers.Customer(name, await run(*customers.CUSTOMERS[name], str(relay.port), system_id, password))

    return make


@pytest.fixture
async def bound(office, customer):
    made = await customer(office)
    assert await made.bind() == 0
    return made
