"""Messages from handsets as SMSCs send them: deliver_sm or data_sm, whole or in parts."""

from typing import Final

from carriers.port import InboundIn
from carriers.smpp.commands import ESM_UDHI, TLV_MESSAGE_PAYLOAD, TLV_SAR_NUMBER, TLV_SAR_REFERENCE, TLV_SAR_TOTAL
from carriers.smpp.messages import Data, Message
from router.text.udh import CONCATENATED_8, CONCATENATED_16, Concatenation, elements, read_udh, udh_fault

_PADDING: Final = " \0"


def read_inbound(body: Message | Data, at_s: float) -> InboundIn:
    """What it says. Never raises: a text with a header that cannot be is taken as it stands rather than lost.

    Acknowledgements by the person or the handset, which we never ask for, are messages like any other. A header goes before sar_* TLVs (SMPP 3.4, 5.3.2.22: they are for messages without one); a part of one is a whole.
    """
    tlvs = body.tlvs
    octets = body.short_message if isinstance(body, Message) else b""
    if tlvs and not octets:
        octets = tlvs.get(TLV_MESSAGE_PAYLOAD, b"")
    part: Concatenation | None = None
    udh = b""
    if body.esm_class & ESM_UDHI and not udh_fault(octets):
        udh = b"".join(
            bytes((identifier, len(data))) + data
            for identifier, data in elements(octets)
            if identifier not in {CONCATENATED_8, CONCATENATED_16}
        )
        part, octets = read_udh(octets)
    elif tlvs and TLV_SAR_TOTAL in tlvs:
        reference, total, number = (
            int.from_bytes(tlvs.get(tag, b""), "big") for tag in (TLV_SAR_REFERENCE, TLV_SAR_TOTAL, TLV_SAR_NUMBER)
        )
        if 1 <= number <= total <= 0xFF:
            part = Concatenation(reference & 0xFFFF, total, number, wide=True)
    return InboundIn(
        body.source.strip(_PADDING),
        body.source_ton,
        body.source_npi,
        body.destination.strip(_PADDING),
        body.destination_ton,
        body.destination_npi,
        octets,
        body.data_coding,
        at_s,
        part if part is not None and part.total > 1 else None,
        udh,
    )
