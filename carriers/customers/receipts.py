"""Delivery receipts for SMPP customers, in the form that the common clients all read."""

from router.journal.items import Notice
from router.record import Body


def receipts_of(notice: Notice, body: Body, version: int) -> tuple[bytes, ...]:
    """deliver_sm bodies that tell of a message's end, one for each part that asked; () when none did.

    ``version``: interface_version of the session's bind; below 0x34 there are no TLVs.
    """
    raise NotImplementedError
