"""Where each key of a file stands."""

import tomllib

from router.toml_lines import line_of, lines_of

ODD = """\
a = 1
[b."c d"]  # comment
x = [
  1, # ]
  '[[',
]
y = \"\"\"
z = 5
\"\"\"
w.v = { p = 1 }
[[t]]
k = 1
[[t.u]]
k = 1
[[t]]
[[t.u]]
[[t.u]]
k = '''a''' # '''
l = 1
"""


def test_lines_are_found_in_odd_files():
    text = ODD
    tomllib.loads(text)
    lines = lines_of(text)
    assert lines["a",] == 1
    assert lines["b", "c d"] == 2
    assert lines["b", "c d", "x"] == 3
    assert lines["b", "c d", "y"] == 7
    assert ("b", "c d", "z") not in lines
    assert line_of(lines, ("b", "c d", "w", "v", "p")) == 10
    assert lines["t", 0, "u", 0, "k"] == 14
    assert lines["t", 1, "u", 1, "k"] == 18
    assert lines["t", 1, "u", 1, "l"] == 19
    assert line_of(lines, ("nowhere",)) == 0
