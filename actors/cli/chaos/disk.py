"""A small disk of its own for the journal, so that it can be filled: a file with ext4 in it, mounted over the journal's folder."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

OCTETS: Final = 4 << 30  # sparse: what is not written takes no room
CALL_S: Final = 60.0
STEP: Final = 64 << 20


class DiskMissing(Exception):
    """It cannot be had here; the sentence says why."""


class Disk:
    """Owns the image and the mount. Needs the right to mount."""

    def __init__(self, image: Path) -> None:
        """Make the file; raises ``DiskMissing``."""
        self._image = image
        self._at: Path | None = None
        if os.geteuid() != 0:
            raise DiskMissing("only root may mount")
        tool = shutil.which("mkfs.ext4")
        if tool is None:
            raise DiskMissing("there is no mkfs.ext4")
        with image.open("wb") as file:
            file.truncate(OCTETS)
        _run([tool, "-q", "-m", "0", "-F", str(image)])

    def mount(self, at: Path) -> None:
        """Have it at an empty folder; raises ``DiskMissing``."""
        _run(["mount", "-o", "loop", str(self._image), str(at)])
        self._at = at
        with suppress(OSError):
            (at / "lost+found").rmdir()

    def fill(self) -> None:
        """Leave no room."""
        if self._at is None:
            return
        descriptor = os.open(self._at / "ballast", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            end, step = 0, STEP
            while step >= 4096:
                try:
                    os.posix_fallocate(descriptor, end, step)
                    end += step
                except OSError:
                    step //= 2
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Give the room back."""
        if self._at is not None:
            (self._at / "ballast").unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away; its data are gone with it."""
        if self._at is not None:
            with suppress(DiskMissing):
                _run(["umount", "-l", str(self._at)])
        self._image.unlink(missing_ok=True)


def _run(words: list[str]) -> None:
    try:
        done = subprocess.run(words, capture_output=True, timeout=CALL_S, check=False)  # noqa: S603 (the system's own tools)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DiskMissing(f"{words[0]}: {type(error).__name__}") from error
    if done.returncode:
        raise DiskMissing(f"{Path(words[0]).name}: {done.stderr.decode(errors='replace').strip()}")
