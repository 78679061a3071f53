"""Files: small, and named for what they are."""

import ast
import re

LINES = 300
LINES_OF_TESTS = 400

# Longer than they should be, each with its ceiling. Entries are only ever lowered, and go when the file has been divided.
LONGER: dict[str, int] = {}

# Names that say nothing, and under which therefore everything gathers.
EMPTY_FILE_NAMES = re.compile(r"(.*_)?(utils?|helpers?|commons?|misc|tools|managers?)\.py")
EMPTY_CLASS_NAMES = re.compile(r".*(Manager|Helper|Utils?|Util)")


def test_every_file_is_small(sources, tests):
    limits = [(source, LINES) for source in sources] + [(source, LINES_OF_TESTS) for source in tests]
    sizes = [(str(source.path), len(source.text.splitlines()), limit) for source, limit in limits]
    assert [f"{path}: {size} lines" for path, size, limit in sizes if size > LONGER.get(path, limit)] == []
    done = [path for path, size, limit in sizes if path in LONGER and size <= limit]
    gone = sorted(LONGER.keys() - {path for path, _, _ in sizes})
    assert (done, gone) == ([], []), "these are small now, or gone: take them off the list"


def test_no_name_is_empty(sources, tests):
    assert [str(source.path) for source in [*sources, *tests] if EMPTY_FILE_NAMES.fullmatch(source.path.name)] == []
    classes = [
        f"{source.at(node)}: {node.name}"
        for source in sources
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAMES.fullmatch(node.name)
    ]
    assert classes == []


def test_every_module_says_what_it_is(sources):
    unsaid = [
        str(source.path)
        for source in sources
        if not (isinstance(source.nodes[0], ast.Module) and ast.get_docstring(source.nodes[0]))
    ]
    assert unsaid == []


def test_every_test_file_lies_where_its_price_is_told(tests):
    prices = {"architecture", "unit", "property", "contract", "interop", "sim", "cluster"}
    found = [source.path for source in tests if source.path.name.startswith("test_")]
    assert [str(path) for path in found if path.parts[1] not in prices] == []
