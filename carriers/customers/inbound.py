"""Messages from handsets as SMPP customers receive them."""

from router.record import Body
from router.settings import SmppAccount


def inbound_of(body: Body, account: SmppAccount, version: int, reference: int) -> tuple[bytes, ...]:
    """deliver_sm bodies of a message from a handset, in order; ``reference`` tells long ones of a pair apart (16 bits).

    ``version``: interface_version of the session's bind; below 0x34 there are no TLVs.
    """
    raise NotImplementedError
