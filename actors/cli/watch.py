"""``trunkline watch``: a message's history while it happens."""

import time
from typing import Annotated, Any, Final

import typer

from actors.cli import local, story
from actors.cli.api_client import Api, ApiError
from actors.cli.terminal import FAILED, MISUSED, fail, say_json, show
from router.ids import InvalidId, from_text
from router.model import STATUS_OF, Status

FINAL: Final = frozenset(word for state, word in STATUS_OF.items() if state.final)
LOOK_MIN_S: Final = 0.05  # after something happened: the next event is often close behind
LOOK_MAX_S: Final = 1.0  # a message that waits for its receipt may do so for hours
PATIENCE_S: Final = 30.0  # how long the API may be away while a message is followed: a front is back within seconds


def watch(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    timeout: Annotated[float, typer.Option(min=0, help="Give up after so many seconds; 0: never.")] = 0,
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Follow a message to its end, telling each event and why each route was taken. Exit code 0: it was delivered."""
    try:
        from_text(message_id)
    except InvalidId:
        fail(f"{message_id!r} is no message's id: one has 26 letters and digits", MISUSED)
    with local.api(data_dir, url, key) as api:
        status = follow(api, message_id, timeout_s=timeout, json=json)
    if status != Status.DELIVERED:
        raise typer.Exit(FAILED)


def follow(api: Api, message_id: str, *, timeout_s: float = 0, json: bool = False) -> str:
    """Print each event as it comes until the message has ended; returns the status it ended with.

    Raises ``ApiError``; one that passes is waited out once the message has been seen.
    """
    started_s = heard_s = time.monotonic()
    message: dict[str, Any] | None = None
    shown, pause_s = 0, LOOK_MIN_S
    while True:
        try:
            # The state first, the history after it: a state that is final has its whole history written.
            seen: dict[str, Any] = api.get(f"/v1/messages/{message_id}", expect=("id", "status", "cost"))
            events: list[dict[str, Any]] = api.get(f"/v1/messages/{message_id}/events", expect=("data",))["data"]
        except ApiError as error:
            if message is None or not error.passing or time.monotonic() - heard_s > PATIENCE_S:
                raise
            pause_s = LOOK_MAX_S
        else:
            if message is None and not json:
                show(story.headline(seen))
            heard_s, message = time.monotonic(), seen
            pause_s = LOOK_MIN_S if len(events) > shown else min(pause_s * 1.5, LOOK_MAX_S)
            for line in events[shown:]:
                if json:
                    say_json(line, line=True)
                else:
                    show(story.event(line, events[0]["at"], seen["cost"]["currency"]))
            shown = max(shown, len(events))
            if seen["status"] in FINAL:
                return str(seen["status"])
        left_s = timeout_s - (time.monotonic() - started_s) if timeout_s else pause_s
        if left_s <= 0:
            fail(f"{message_id} is {message['status'] if message else 'unknown'} after {timeout_s:g} s")
        time.sleep(min(pause_s, left_s))
