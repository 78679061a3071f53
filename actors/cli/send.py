"""``trunkline send``: one message."""

from typing import Annotated, Any

import typer

from actors.cli import local
from actors.cli.terminal import FAILED, say, say_json
from actors.cli.watch import follow
from router.model import Status
from router.setting import ClassWord


def send(
    to: Annotated[str, typer.Argument(metavar="TO", help="The recipient's number in E.164, with the plus.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    sender: Annotated[str, typer.Option("--from", help="A number, a short code or up to 11 letters.")] = "",
    klass: Annotated[ClassWord, typer.Option("--class", help="What it is for.")] = "transactional",
    webhook_url: Annotated[str, typer.Option(help="Where its events go, instead of to the tenant's own address.")] = "",
    client_ref: Annotated[str, typer.Option(help="A reference of yours.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end; exit code 0: it was delivered.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="With --watch: give up after so many seconds; 0: never.")] = 0,
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Send a message: prints its id and status."""
    fields = {"from": sender, "webhook_url": webhook_url, "client_ref": client_ref}
    message: dict[str, Any] = {"to": to, "text": text, "class": klass} | {k: v for k, v in fields.items() if v}
    with local.api(data_dir, url, key) as api:
        accepted = api.post("/v1/messages", message, expect=("id", "status"))
        if json:
            say_json(accepted, line=watch)
        else:
            say(f"{accepted['id']} {accepted['status']}")
        if watch and follow(api, accepted["id"], timeout_s=timeout, json=json) != Status.DELIVERED:
            raise typer.Exit(FAILED)
