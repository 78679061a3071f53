"""``trunkline webhooks``: events that could not be delivered."""

from typing import Annotated

import typer

from actors.cli import local
from actors.cli.terminal import counted, say, say_json, show, table

app = typer.Typer(no_args_is_help=True, help="Webhook events that could not be delivered.")


@app.command()
def dead(
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at most, oldest first.")] = 100,
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Show the events that were given up."""
    with local.api(data_dir, url, key) as api:
        shown = api.get(f"/v1/webhooks/dead?limit={limit}", expect=("data",))["data"]
    if json:
        say_json(shown)
    elif not shown:
        say("no event was given up")
    else:
        rows = [
            (one["event_id"], one["type"], one["tenant"], one["tries"], one["webhook_url"] or "the tenant's own") for one in shown
        ]
        show(table(("event", "type", "tenant", "tries", "to"), rows, right=("tries",)))


@app.command()
def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[EVENT]…", help="These; without any, all.")] = None,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Send events that were given up on their way again."""
    with local.api(data_dir, url, key) as api:
        asked = {"event_ids": event_ids} if event_ids else {}
        replayed = api.post("/v1/webhooks/dead/replay", asked, expect=("replayed",))["replayed"]
    say(f"{counted(replayed, 'event')} on the way again")
