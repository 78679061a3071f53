"""A message as a customer writes it by SMPP: taken apart and checked, before anything is decided about it."""

from typing import Final, NamedTuple

import msgspec

from carriers.smpp.messages import Data, Message
from router.settings import SmppAccount

SUBMISSION_VERSION: Final = 1


class Fault(NamedTuple):
    """Why a submit is refused."""

    status: int  # command_status of the answer
    reason: str  # for the log: a few words, without text or numbers


class Submission(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A message, or one part of a long one, as it came. Packed, it is what the journal keeps of a part."""

    version: int = SUBMISSION_VERSION
    source: str  # addresses as they were written
    source_ton: int
    source_npi: int
    destination: str
    destination_ton: int
    destination_npi: int
    octets: bytes  # of the text, without the user data header
    data_coding: int
    reference: int = 0  # of the whole that it is a part of
    total: int = 1  # 1: it is whole
    number: int = 1  # 1 … total
    wide: bool = False  # the reference has 16 bits
    udh: bytes = b""  # information elements but those of concatenation
    registered_delivery: int = 0
    schedule: str = ""  # "" or 16 characters, as valid as they can be without a clock
    validity: str = ""
    priority: int = 0
    service_type: str = ""
    protocol_id: int = 0
    tlvs: dict[int, bytes] = {}  # vendors' parameters

    @property
    def whole(self) -> bool:
        """Whether nothing else belongs to it: it needs no ``gather``, and its id has no number of a part."""
        return self.total == 1


def pack_submission(submission: Submission) -> bytes:
    """Submission to octets, the same ones for the same submission."""
    raise NotImplementedError


def unpack_submission(octets: bytes) -> Submission:
    """Octets to submission; raises ``router.record.UnreadableRecord``."""
    raise NotImplementedError


def read(message: Message | Data, account: SmppAccount) -> Submission | Fault:
    """What a submit_sm, a data_sm or one destination of a submit_multi says, or why it is refused whatever the time."""
    raise NotImplementedError


def group_of(submission: Submission, account: SmppAccount) -> bytes:
    """16 octets that all parts of one message share, and that no other message of the last minutes does."""
    raise NotImplementedError
