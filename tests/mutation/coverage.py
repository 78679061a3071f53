"""Which statements of which scripts a test runs: the scripts say so themselves, in the server's log."""

import re
from pathlib import Path
from typing import Final

from actors.journal import scripts
from tests.mutation.lua import Reader

MARK: Final = "trunkline-ran"
TAIL: Final = f"""
end
local result = main()
for file, places in pairs(RAN) do
  local list = {{}}
  for place in pairs(places) do list[#list + 1] = place end
  redis.log(redis.LOG_WARNING, '{MARK} ' .. file .. ' ' .. table.concat(list, ' '))
end
return result
"""


def told(name: str, source: str) -> str:
    """A script (or a part, by its file's name) that notes each of its statements before it runs."""
    pieces, last = [], 0
    for begin in sorted({begin for begin, _ in Reader(source).statements}):
        pieces += [source[last:begin], f"RAN['{name}'] = RAN['{name}'] or {{}} RAN['{name}'][{begin}] = 1 "]
        last = begin
    text = "".join([*pieces, source[last:]])
    if name.startswith("_"):
        return text
    first, _, rest = text.partition("\n")
    return f"{first}\nlocal RAN = {{}}\nlocal function main()\n{rest}{TAIL}"


class Traces:
    """Reads what the scripts of some servers said since it was asked last."""

    def __init__(self) -> None:
        self._read: dict[Path, int] = {}

    def new(self, logs: list[Path]) -> set[tuple[str, int]]:
        """(file, where a statement begins) of all that ran."""
        ran: set[tuple[str, int]] = set()
        for log in logs:
            if not log.exists():
                continue
            with log.open("rb") as file:
                file.seek(self._read.get(log, 0))
                octets = file.read()
                self._read[log] = file.tell()
            for name, places in re.findall(rf"{MARK} (\w+) ([\d ]+)", octets.decode(errors="replace")):
                ran.update((name, int(place)) for place in places.split())
        return ran


def reading(name: str) -> str:
    """Instead of ``scripts._read``."""
    return told(name, ORIGINAL(name))


ORIGINAL: Final = scripts._read
