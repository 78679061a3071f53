"""Which parser reads the body of which request."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from carriers.smpp import commands as c
from carriers.smpp.events import RequestBody
from carriers.smpp.law import Side
from carriers.smpp.messages import read_data, read_message
from carriers.smpp.multi import read_multi
from carriers.smpp.operations import read_alert, read_cancel, read_query, read_replace

# What an ESME receives is read with a broken tail of TLVs too: it may be a receipt, and its id is worth having.
READERS: Final[Mapping[Side, Mapping[int, Callable[[bytes], RequestBody]]]] = MappingProxyType(
    {
        Side.ESME: {
            c.DELIVER_SM: partial(read_message, whole_tlvs=False),
            c.DATA_SM: partial(read_data, whole_tlvs=False),
            c.ALERT_NOTIFICATION: read_alert,
        },
        Side.SMSC: {
            c.SUBMIT_SM: read_message,
            c.SUBMIT_MULTI: read_multi,
            c.DATA_SM: read_data,
            c.QUERY_SM: read_query,
            c.CANCEL_SM: read_cancel,
            c.REPLACE_SM: read_replace,
        },
    }
)
