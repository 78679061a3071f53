"""Which parser reads the body of which request."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from carriers.smpp import commands as c
from carriers.smpp.events import RequestBody
from carriers.smpp.law import LAW, SessionState, Side
from carriers.smpp.messages import read_data, read_message
from carriers.smpp.multi import read_multi
from carriers.smpp.operations import read_alert, read_cancel, read_query, read_replace

Reader = Callable[[bytes], RequestBody]

# What an ESME receives is read with a broken tail of TLVs too: it may be a receipt, and its id is worth having.
READERS: Final[Mapping[Side, Mapping[int, Reader]]] = MappingProxyType(
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

# By the receiver's side and state: the readers of what the law lets it take and what is to be answered by its caller.
TAKEN: Final[Mapping[tuple[Side, SessionState], Mapping[int, Reader]]] = MappingProxyType(
    {
        (side, state): {
            command: reader
            for command, reader in READERS[side].items()
            if command != c.ALERT_NOTIFICATION and state in LAW[side.other, command]
        }
        for side in Side
        for state in SessionState
    }
)
