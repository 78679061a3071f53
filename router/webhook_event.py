"""What a webhook says: the event of a message's end or arrival, with the message as the REST API shows it."""

from typing import Any, Final

import msgspec

from router.journal.port import Notice, Record
from router.present import MessageView, known_lines, rfc3339, view_of
from router.record import Body, EventKind, unpack_body, unpack_events
from router.webhooks import event_type

# The text of what a tenant has sent stays out: it knows it, and an endpoint's logs should not. A message from a handset it has
# not seen yet. The others say nothing to the receiver.
_LEFT_OUT = ("text", "webhook_url", "attempts")
_FINAL: Final = int(EventKind.FINAL)
_encode: Final = msgspec.json.Encoder().encode


def event_of(notice: Notice, body: Body | None = None) -> bytes:
    """The body of an event, in JSON, the same octets on every attempt. ``body``: the notice's, where it has been unpacked already.

    {id, type: "message.delivered", timestamp: when the message ended or came, data: the message}. Raises ``UnreadableRecord``.
    """
    body = body or unpack_body(notice.body)
    lines = known_lines(unpack_events(notice.events))
    ended_ms = next((line[0] for line in reversed(lines) if line[1] == _FINAL), body.created_ms)
    # Only what a notice carries: a message whose events were cut shows less, never something else
    record = Record(id=notice.id, state=notice.state, attempts=0, body=notice.body, events=notice.events)
    return _encode(
        {
            "id": notice.event_id,
            "type": event_type(notice.state),
            "timestamp": rfc3339(ended_ms),
            "data": message_data(view_of(record, body, lines)),
        }
    )


def message_data(message: MessageView) -> dict[str, Any]:
    """A message as webhooks tell it."""
    data: dict[str, Any] = msgspec.to_builtins(message)
    for key in _LEFT_OUT:
        if key != "text" or message.direction == "outbound":
            data.pop(key, None)
    return data
