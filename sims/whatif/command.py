"""``trunkline sim policy`` and ``python -m sims.whatif``."""

from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, get_args

import msgspec
import typer
from rich.console import Console

from router.brain.policies import Policy, compile_policies
from router.model import MessageClass
from router.settings import Settings
from sims.printing import wide_console
from sims.whatif.decks import read_deck, read_settings
from sims.whatif.evaluate import Propensity, evaluate
from sims.whatif.files import FileFault
from sims.whatif.log import read_log
from sims.whatif.report import print_answer
from sims.whatif.target import AS_LOGGED, Target

OWN: Final = "own"
REFUSED: Final = 1
MISUSED: Final = 2


def policy(
    records: Annotated[
        list[Path],
        typer.Option(help="What `trunkline export` wrote: .csv, or .parquet with the extra `parquet`. Several times: several."),
    ],
    name: Annotated[
        str,
        typer.Option(
            "--policy", help="cheapest, fastest, balanced, reliable, one of --config, or logged: the choices as they were."
        ),
    ] = "",
    loss: Annotated[float | None, typer.Option(min=0, help="A policy of your own: factor on what a lost message costs.")] = None,
    time: Annotated[float | None, typer.Option(min=0, help="… factor on what a second of waiting costs.")] = None,
    floor: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="… above 0: price first, among carriers with this share of the best's chance."),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="Other prices: .toml of settings, or .csv with the columns carrier, to, micros.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Your settings: classes, policies and speeds.")] = None,
    propensity: Annotated[str, typer.Option(help="auto, logged or estimated: how the log's chances are found.")] = "auto",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole answer here.")] = None,
) -> None:
    """Replay records under another policy or other prices: what it would have delivered, cost and kept, with 95 % intervals.

    Exit code 1: the records cannot answer; the reasons are told.
    """
    console = wide_console()
    if propensity not in get_args(Propensity):
        _misused(f"--propensity: {propensity!r} is not one of {', '.join(get_args(Propensity))}")
    try:
        settings = read_settings(config) if config is not None else Settings()
        rules = {klass: settings.rules(klass) for klass in MessageClass}
        policies = dict(compile_policies(settings.policies))
        word, chosen = _policy(name, {"loss_factor": loss, "time_factor": time, "floor": floor}, policies, prices is not None)
        deck = read_deck(prices) if prices is not None else None
        target = Target(name=word, policy=chosen, deck=deck, settings=settings.carriers)
        way = msgspec.convert(propensity, Propensity)
        log = read_log(records, rules)
    except FileFault as error:
        _misused(str(error))
    answer = evaluate(log, target, rules, policies, prices=prices.name if prices is not None else "log", propensity=way)
    if json_file is not None:
        try:
            json_file.write_bytes(msgspec.json.format(msgspec.json.encode(answer)) + b"\n")
        except OSError as error:
            _misused(f"{json_file} cannot be written: {error.strerror}")
    print_answer(answer, console)
    if answer.refused:
        raise typer.Exit(REFUSED)


def _policy(name: str, own: dict[str, float | None], policies: dict[str, Policy], priced: bool) -> tuple[str, Policy | None]:
    """The policy asked for and its name; ends the command where it is not clear."""
    weights: dict[str, Any] = {field: value for field, value in own.items() if value is not None}
    if weights:
        if name:
            _misused("give --policy, or --loss, --time and --floor for one of your own, not both")
        return OWN, Policy(**weights)
    if name == AS_LOGGED or (not name and priced):
        return AS_LOGGED, None
    if not name:
        _misused("say what is to be different: --policy, --prices, or --loss, --time and --floor")
    if name not in policies:
        _misused(f"--policy: {name!r} is not one of {', '.join([*policies, AS_LOGGED])}")
    return name, policies[name]


def _misused(sentence: str) -> NoReturn:
    Console(stderr=True, highlight=False).print(sentence, markup=False, soft_wrap=True)
    raise typer.Exit(MISUSED)
