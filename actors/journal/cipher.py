"""What the journal's bodies and parts pass through on their way out and in: the port, and its absence."""

from typing import Final, Protocol

from router.journal.port import JournalUnavailable

SEALED: Final = b"\x01"  # the first octet of what is encrypted, and its version; nothing that is packed here begins so
# How much of a name tells which of a data key's derived keys is meant.
TIME_OCTETS: Final = 3  # of a message's id: 2^24 ms
GROUP_OCTETS: Final = 1  # of a group of parts, whose octets are a digest's


class KeyMissing(JournalUnavailable):
    """Something was sealed with a key that is not here. Nothing is lost: it opens once the keys are."""


class Cipher(Protocol):
    """What the journal seals and opens with. ``name``: 16 octets that what is sealed is bound to."""

    def seal(self, tenant: str, name: bytes, octets: bytes, slot: int = TIME_OCTETS) -> bytes:
        """To be written."""
        ...

    def open(self, name: bytes, octets: bytes, slot: int = TIME_OCTETS) -> bytes:
        """As it was, or ``ERASED``; what is damaged comes as it stands, which nobody takes for a body. Raises ``KeyMissing``."""
        ...

    def mask(self, digest: bytes) -> bytes:
        """24 octets of ``Intake.idempotency`` so that nobody without the keys can try requests against them: a phone number is soon found."""
        ...


class Plain:
    """No encryption, and no keys: for tests, and for those who look at a journal without reading texts."""

    def seal(self, tenant: str, name: bytes, octets: bytes, slot: int = TIME_OCTETS) -> bytes:  # noqa: ARG002 (the protocol's)
        """As it is."""
        return octets

    def open(self, name: bytes, octets: bytes, slot: int = TIME_OCTETS) -> bytes:  # noqa: ARG002 (the protocol's)
        """As it is; nobody takes what was sealed for a body."""
        return octets

    def mask(self, digest: bytes) -> bytes:
        """As it is."""
        return digest
