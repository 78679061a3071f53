"""The shim of ``shim.c``: built where there is a C compiler, and the file over which it is told what to do."""

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("shim.c")
BUILD_S: Final = 60.0
VARIABLE: Final = "TRUNKLINE_SHIM"
EVERY_PROCESS: Final = -1

_HEAD: Final = struct.Struct("qq")  # struct control: hang_fsync, waiting
_PAIR: Final = struct.Struct("qq")
_CLOCKS: Final = 64
_FILES: Final = 64
_SIZE: Final = _HEAD.size + (_CLOCKS + _FILES) * _PAIR.size


class ShimMissing(Exception):
    """It cannot be built here; the sentence says why."""


def build(folder: Path) -> Path:
    """Compile the shim into a folder; returns the library. Raises ``ShimMissing``."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise ShimMissing("there is no C compiler")
    library = folder / "shim.so"
    words = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=BUILD_S, check=False)  # noqa: S603 (a compiler, our own source)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ShimMissing(f"the C compiler failed: {type(error).__name__}") from error
    if done.returncode:
        raise ShimMissing(f"the C compiler failed: {done.stderr.decode(errors='replace').splitlines()[:1]}")
    return library


class Shim:
    """Tells the processes that run under the shim what to do. Owns the library and the file in its folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ``ShimMissing``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.library = build(folder)
        self.file = folder / "shim.control"
        self.file.write_bytes(bytes(_SIZE))
        descriptor = os.open(self.file, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._memory = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with."""
        return {"LD_PRELOAD": str(self.library), VARIABLE: str(self.file)}

    def hang_fsync(self, *, hung: bool) -> None:
        """From now on fsync waits, or goes on."""
        struct.pack_into("q", self._memory, 0, int(hung))

    @property
    def waiting(self) -> int:
        """Calls of fsync that wait."""
        return int(_HEAD.unpack_from(self._memory, 0)[1])

    def step_clocks(self, offsets_us: dict[int, int]) -> None:
        """By how much the wall clocks of processes (by pid) are wrong from now on; all others are right again."""
        if len(offsets_us) > _CLOCKS:
            raise ValueError(f"at most {_CLOCKS} clocks")
        pairs = list(offsets_us.items())
        for place in range(_CLOCKS):
            pid, offset_us = pairs[place] if place < len(pairs) else (0, 0)
            _PAIR.pack_into(self._memory, _HEAD.size + place * _PAIR.size, pid, offset_us)

    def synced(self, file: Path) -> int | None:
        """Octets of a file that are on disk for certain; None when it was never synced under the shim."""
        inode = file.stat().st_ino
        begin = _HEAD.size + _CLOCKS * _PAIR.size
        for place in range(_FILES):
            found, octets = struct.unpack_from("Qq", self._memory, begin + place * _PAIR.size)
            if found == inode:
                return int(octets)
        return None

    def close(self) -> None:
        """All is right again, and the file is let go."""
        self.hang_fsync(hung=False)
        self.step_clocks({})
        self._memory.close()
