"""Packages: what is declared is used, and what is used is declared."""

import re
import sys
import tomllib

OURS = {"router", "carriers", "actors", "sims", "benchmarks", "tests"}
# Imported under another name, or under that of a package that brings it along and hands out its types as its own.
BROUGHT_BY = {
    "grpc": "grpcio",
    "hiredis": "redis",  # its extra of this name
    "_pytest": "pytest",
    "starlette": "fastapi",
    "xdist": "pytest-xdist",
    "yarl": "aiohttp",
    "smpp": "smpp.twisted3",  # a folder that it shares with smpp.pdu3
    "twisted": "smpp.twisted3",
    "zope": "smpp.twisted3",
}
# Declared for what they do without being imported: the builder, and tools that are run.
NOT_IMPORTED = {"hatchling", "mypy", "ruff", "pytest-asyncio", "pytest-timeout"}
READ_BY_STDLIB = {"tzdata"}  # by zoneinfo
REGISTERED = re.compile(r'(?:spec_from_file_location|_load)\("(\w+)"')  # a module of a folder of tests, under a name of its own
LINE = re.compile(r"^ *(?:from|import) +([A-Za-z_]\w*)(?=[\w.]* import |[\w.]*(?: as \w+)?$)", re.MULTILINE)


def package(requirement):
    """A requirement's name: without extras, versions and markers."""
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def third_party(places):
    """Third-party packages with a place where each is imported, of (module, place)."""
    tops = {target.partition(".")[0]: place for target, place in places}
    return {
        BROUGHT_BY.get(top, top.replace("_", "-")): place
        for top, place in tops.items()
        if top and top not in OURS and top not in sys.stdlib_module_names
    }


def by_lines(tests):
    """As ``Source.imports``, by lines: parsing all tests would take longer than all these tests may."""
    theirs = {name for source in tests for name in REGISTERED.findall(source.text)}
    return [(target, str(source.path)) for source in tests for target in LINE.findall(source.text) if target not in theirs]


def test_declared_and_used_are_the_same(root, sources, tests):
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    runtime = {package(one) for one in project["dependencies"]}
    development = {package(one) for one in project["optional-dependencies"]["dev"]} - NOT_IMPORTED
    extras = {package(one) for name in ("plots", "parquet") for one in project["optional-dependencies"][name]}
    by_us = third_party(found for source in sources for found in source.imports())
    by_tests = third_party(by_lines(tests))
    assert {name: place for name, place in by_us.items() if name not in runtime | extras} == {}, "imported and not declared"
    assert {name: place for name, place in by_tests.items() if name not in runtime | development} == {}, (
        "imported and not declared"
    )
    assert (runtime | extras) - READ_BY_STDLIB - by_us.keys() == set(), "declared and not imported"
    assert development - by_tests.keys() == set(), "declared for tests and not imported by them"
