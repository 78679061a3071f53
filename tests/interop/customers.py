"""Customers' gateways made with software that is not ours, behind one face."""

import sys

from interop_foreign import PROGRAMS, missing

from carriers.smpp import commands as c

CUSTOMERS = {
    "smpplib": (sys.executable, str(PROGRAMS / "smpplib_esme.py")),
    "aiosmpplib": (sys.executable, str(PROGRAMS / "aiosmpplib_esme.py")),
    "jasmin": (sys.executable, "-W", "error", str(PROGRAMS / "jasmin_esme.py")),
    "perl": ("perl", str(PROGRAMS / "perl_esme.pl")),
}
HERE = [name for name in CUSTOMERS if name not in missing()]
NUMBER, SENDER = "447700900123", "Acme"  # as the programs write them


class Customer:
    """A program as its user sees it."""

    def __init__(self, name, program):
        self.name = name
        self.program = program

    async def bind(self, mode="transceiver"):
        """command_status of the answer."""
        self.program.tell(f"bind {mode}")
        return int((await self.program.next("bound"))["status"])

    async def submit(self, text, way="udh", parts=1):
        """(command_status, message_id) of each part."""
        seen = len(self.program.told("answer"))
        self.program.tell(f"submit {way} {text.encode().hex()}")
        await self.program.next("answer", seen + parts)
        return [(int(one["status"]), one["id"]) for one in self.program.told("answer")[seen:]]

    @property
    def receipts(self):
        return [(one["id"], one["stat"]) for one in self.program.told("receipt")]

    @property
    def messages(self):
        read = []
        for one in self.program.told("message"):
            octets = bytes.fromhex(one.get("text") or one["octets"])
            if "octets" in one and int(one["esm_class"]) & c.ESM_UDHI:
                octets = octets[octets[0] + 1 :]
            read.append(octets.decode("utf-16-be" if one.get("data_coding") == "8" else "utf-8"))
        return read
