"""What a webhook says: the event of a message's end or arrival, with the message as the REST API shows it."""

from typing import Any

import msgspec

from router.journal.port import Notice, Record
from router.present import MessageView, rfc3339, view
from router.record import EventKind, unpack_body, unpack_events
from router.webhooks import event_type

# The text of what a tenant has sent stays out: it knows it, and an endpoint's logs should not. A message from a handset it has
# not seen yet. The others say nothing to the receiver.
_LEFT_OUT = ("text", "webhook_url", "attempts")


def event_of(notice: Notice) -> bytes:
    """The body of an event, in JSON, the same octets on every attempt.

    {id, type: "message.delivered", timestamp: when the message ended or came, data: the message}. Raises ``UnreadableRecord``.
    """
    body = unpack_body(notice.body)
    ended_ms = next((line[0] for line in reversed(unpack_events(notice.events)) if line[1] == EventKind.FINAL), body.created_ms)
    # Only what a notice carries: a message whose events were cut shows less, never something else
    record = Record(id=notice.id, state=notice.state, attempts=0, body=notice.body, events=notice.events)
    return msgspec.json.encode(
        {
            "id": notice.event_id,
            "type": event_type(notice.state),
            "timestamp": rfc3339(ended_ms),
            "data": message_data(view(record, body)),
        }
    )


def message_data(message: MessageView) -> dict[str, Any]:
    """A message as webhooks tell it."""
    data: dict[str, Any] = msgspec.to_builtins(message)
    for key in _LEFT_OUT:
        if key != "text" or message.direction == "outbound":
            data.pop(key, None)
    return data
