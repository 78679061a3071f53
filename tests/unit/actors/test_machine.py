"""The machine under an actor: the real one, unless a context has another."""

import asyncio
import contextvars
import time

import pytest

from actors import machine


class Slow:
    """A machine whose clock stands at one second, and which never dies."""

    def monotonic(self):
        return 1.0

    def time_ns(self):
        return 1_500_000_000

    def urandom(self, octets):
        return bytes(octets)

    def exit(self, code):
        raise SystemError(code)

    def incarnation(self):
        return "slow"

    def surely_dead(self, incarnation):
        return incarnation != "slow"

    def settle(self):
        pass

    def backend(self, kind):
        return kind.upper()


def test_the_real_machine_tells_the_real_time():
    assert machine.monotonic() == pytest.approx(time.monotonic(), abs=5)
    assert machine.time() == pytest.approx(time.time(), abs=5)
    assert machine.now_ms() == pytest.approx(machine.time_ns() / 1e6, abs=5_000)
    assert len(machine.urandom(10)) == 10
    assert machine.dice().random() != machine.dice().random()
    assert machine.backend("journal") is None
    assert not machine.surely_dead(machine.incarnation())


def test_what_a_context_starts_runs_on_its_machine():
    async def look():
        return machine.monotonic(), machine.now_ms(), machine.time(), machine.backend("wake"), machine.incarnation()

    async def within():
        machine.run_on(Slow())
        return await asyncio.create_task(look())

    context = contextvars.copy_context()
    assert context.run(asyncio.run, within()) == (1.0, 1500, 1.5, "WAKE", "slow")
    assert machine.monotonic() != 1.0


def test_chance_and_the_end_are_the_machines():
    def within():
        machine.run_on(Slow())
        assert machine.dice().random() == machine.dice().random()
        assert machine.generator().random() == machine.generator().random()
        with pytest.raises(SystemError, match="75"):
            machine.end(75)

    contextvars.copy_context().run(within)
