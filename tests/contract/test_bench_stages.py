"""The benchmarks of single stages, in short: each is carried out on a real journal and real sockets, and leaves nothing behind it cannot explain."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.fill import Unfilled, fill
from benchmarks.stages.hooks import Hooks, webhook
from benchmarks.stages.intake import accept, empty, finish, plan
from benchmarks.stages.lab import Lab
from benchmarks.stages.wire import Wire, at_carrier

pytestmark = pytest.mark.timeout(120)


async def test_every_stage_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = 40
    for module in ("intake", "wire", "hooks"):
        monkeypatch.setattr(f"benchmarks.stages.{module}.count_for", lambda _: few)
    async with Lab.opened(tmp_path) as lab:
        costs = [await accept(lab, 1), await accept(lab, 20), await plan(lab, 10)]
        async with Wire.opened(lab) as wire:
            costs += await at_carrier(lab, wire, 10)
        ended = await finish(lab, 10)
        async with Hooks.opened(lab) as hooks:
            costs += [ended, await webhook(lab, hooks, 10, ended)]
            assert hooks.delivered == few
        assert [cost.stage for cost in costs[2:]] == [
            "claim, plan, assign",
            "encode, send",
            "answer",
            "receipt",
            "finish",
            "webhook",
        ]
        assert all(cost.own_us > 0 for cost in costs[:-1])
        found = await lab.journal.check()
        assert not found.faults
        # Both accepts were emptied, what was planned is with the carrier, what was answered and receipted has ended.
        assert found.counts["accepted"] == 6 * few
        assert found.counts["finished"] == 5 * few


async def test_a_fill_queues_what_was_asked_for(tmp_path: Path) -> None:
    async with Lab.opened(tmp_path) as lab:
        await fill(lab.journal, lab.settings, 1_250)
        found = await lab.journal.check()
        assert (found.counts["queue"], list(found.faults)) == (1_250, [])
        await empty(lab)
        assert (await lab.journal.check()).counts["live"] == 0


async def test_what_cannot_be_sent_fills_nothing(tmp_path: Path) -> None:
    async with Lab.opened(tmp_path) as lab:
        with pytest.raises(Unfilled):
            await fill(lab.journal, msgspec.structs.replace(lab.settings, carriers=()), 10)
