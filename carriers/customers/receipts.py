"""Delivery receipts for SMPP customers, in the form that the common clients all read."""

from typing import Final

from carriers.customers.states import ending_of, shown
from carriers.smpp.commands import ESM_RECEIPT
from carriers.smpp.messages import ADDRESS_OCTETS, Message, pack_message
from carriers.smpp.receipts import write_receipt
from router.ids import created_ms
from router.journal.items import Notice
from router.model import State
from router.record import Body

TLV_VERSION: Final = 0x34  # of the interface: optional parameters came with it (SMPP 3.4, 1.6)

# registered_delivery, bits 1 and 0 (SMPP 3.4, 5.2.17; SMPP 5.0, 4.7.21, for the last)
_WANTED: Final = 0x03
_FAILURES: Final = 2
_SUCCESSES: Final = 3


def receipts_of(notice: Notice, body: Body, version: int) -> tuple[bytes, ...]:
    """deliver_sm bodies that tell of a message's end, one for each part that asked; () when none did.

    ``version``: interface_version of the session's bind; below 0x34 there are no TLVs. The message's text is not repeated
    behind ``text:``: it tells a customer nothing, and some clients would read what they seek in it.
    """
    client = body.client
    if client is None:
        return ()
    parts = [part for part, asked in enumerate(client.asked, 1) if _wants(asked, notice.state)]
    if not parts:
        return ()
    ending = ending_of(notice.events)
    told = shown(notice.state, ending.error, ending.code, version=version)
    begun_ms = created_ms(notice.id)
    receipts = []
    for part in parts:
        message_id = f"{client.message_id}-{part}" if len(client.asked) > 1 else client.message_id
        text, tlvs = write_receipt(
            message_id, told.stat, submitted_s=begun_ms / 1000, done_s=(ending.at_ms or begun_ms) / 1000, err=told.err
        )
        receipts.append(
            pack_message(
                Message(
                    source=client.destination[: ADDRESS_OCTETS - 1],
                    destination=client.source[: ADDRESS_OCTETS - 1],
                    short_message=text,
                    esm_class=ESM_RECEIPT,
                    tlvs=tlvs if version >= TLV_VERSION else {},
                    source_ton=client.destination_ton,
                    source_npi=client.destination_npi,
                    destination_ton=client.source_ton,
                    destination_npi=client.source_npi,
                    service_type=client.service_type,
                )
            )
        )
    return tuple(receipts)


def _wants(asked: int, state: State) -> bool:
    wanted = asked & _WANTED
    if wanted == _FAILURES:
        return state is not State.DELIVERED
    if wanted == _SUCCESSES:
        return state is State.DELIVERED
    return wanted != 0
