"""How each kind of fault is made, taken away, and seen to be over. Each returns how long it took until all was well."""

import signal
import time
from collections.abc import Callable
from typing import Final

from actors.cli.chaos.done import Done, now_us
from actors.cli.chaos.memory import press
from actors.cli.chaos.power import cut_power
from actors.cli.chaos.victims import (
    GIVE_UP_S,
    Customer,
    Victim,
    all_ready,
    ready,
    send_signal,
    until,
    victims,
)
from actors.cli.chaos.world import World
from actors.journal.server import is_alive
from actors.names import carrier_of, directory
from actors.processes import descendants, program
from sims.chaos.kinds import KINDS
from sims.chaos.proxy import Proxy
from sims.chaos.shim import EVERY_PROCESS
from sims.chaos.timetable import Planned
from sims.chaos.toxics import Bandwidth, Latency, LimitData, Slicer, Stall

HOUR_US: Final = 3_600_000_000
GONE_S: Final = 10.0


class Saboteur:
    """Makes faults, each in the thread that calls it."""

    def __init__(self, world: World, customer: Customer) -> None:
        self._world = world
        self._customer = customer

    def make(self, planned: Planned) -> Done:
        """Break, hold, mend, and wait until all is well."""
        family, _, what = planned.kind.partition(".")
        done = Done(kind=planned.kind, at_us=now_us())
        try:
            match family:
                case "kill":
                    self._kill(what, planned, done)
                case "stop":
                    self._stop(what, planned, done)
                case "zombie":
                    self._zombie(what, planned, done)
                case "smpp" | "redis" | "webhook":
                    self._poison(family, what, planned, done)
                case "store":
                    self._store(what, planned, done)
                case _:
                    self._clock(what, planned, done)
        except Exception as error:  # one fault that cannot be made must not end the run: it is told
            done.failed = f"{type(error).__name__}: {error}"
        done.until_us = done.until_us or now_us()
        return done

    # -- processes ---------------------------------------------------------------------------------------------------
    def _victim(self, kind: str, planned: Planned) -> Victim:
        found = victims(self._world, kind, wait_s=GIVE_UP_S)
        return found[int(planned.draw * len(found))]

    def _marked(self, victim: Victim, done: Done) -> None:
        done.victim = victim.name
        if victim.name.startswith("carrier:"):
            done.carriers = (carrier_of(victim.name),)

    def _kill(self, what: str, planned: Planned, done: Done) -> None:
        special = {"journal": self._kill_journal, "raylet": self._kill_raylet, "gcs": self._kill_gcs}.get(what)
        if special is not None:
            special(done)
            return
        victim = self._victim(what, planned)
        self._marked(victim, done)
        done.at_us = done.until_us = now_us()
        send_signal(victim.pid, signal.SIGKILL)
        done.kills = 1
        done.back_s = until(self._well(what, victim, dead=True))

    def _well(self, kind: str, victim: Victim, *, dead: bool) -> Callable[[], bool]:
        if kind == "front":
            return self._customer.front_answers
        return lambda: ready(victim.name, victim.pid if dead else 0)

    def _kill_journal(self, done: Done) -> None:
        pid = self._world.server.pid()
        if pid is None:
            raise RuntimeError("the journal's server does not run")
        done.victim = "journal"
        done.at_us = done.until_us = now_us()
        began_s = time.monotonic()
        send_signal(pid, signal.SIGKILL)
        done.kills = 1
        until(lambda: not is_alive(pid), GONE_S)
        well = until(self._customer.sends())
        done.back_s = None if well is None else time.monotonic() - began_s

    def _kill_gcs(self, done: Done) -> None:
        head = int(self._world.state.ray_process.split(":")[1])
        found = [pid for pid in descendants(head) if program(pid) == "gcs_server"]
        if not found:
            raise RuntimeError("the head has no GCS")
        done.victim = "GCS"
        done.at_us = done.until_us = now_us()
        send_signal(found[0], signal.SIGKILL)
        done.kills = 1
        until(lambda: not is_alive(found[0]), GONE_S)
        done.back_s = until(lambda: ready("supervisor"))  # its name is asked of the GCS

    def _kill_raylet(self, done: Done) -> None:
        world = self._world
        node = world.system.second
        if node is None:
            raise RuntimeError("there is no second node")
        below = descendants(node.raylet)
        lost = [
            victim
            for kind in ("carrier", "front", "dispatcher", "courier", "limiter", "brain", "esme", "supervisor")
            for victim in victims(world, kind)
            if victim.pid in below
        ]
        done.victim = "second node"
        done.carriers = tuple(carrier_of(victim.name) for victim in lost if victim.name.startswith("carrier:"))
        done.at_us, began_s = now_us(), time.monotonic()
        send_signal(node.raylet, signal.SIGKILL)
        done.kills = 1 + len(lost)
        node.stop()
        world.system.start_second(world.state.ray_address)  # as whoever looks after machines would
        well = until(lambda: all(ready(victim.name, victim.pid) for victim in lost))
        done.until_us = now_us()  # actors outlive their raylet for a while, and what they write is in doubt
        done.back_s = None if well is None else time.monotonic() - began_s

    def _stop(self, what: str, planned: Planned, done: Done) -> None:
        if what == "journal":
            victim = Victim("journal", self._world.server.pid() or 0)
            well = self._customer.sends()
        else:
            victim = self._victim(what, planned)
            well = self._well(what, victim, dead=False)
        if not victim.pid:
            raise RuntimeError(f"no {what} to stop")
        self._marked(victim, done)
        done.at_us = now_us()
        send_signal(victim.pid, signal.SIGSTOP)
        try:
            time.sleep(planned.hold_s)
        finally:
            send_signal(victim.pid, signal.SIGCONT)
        done.until_us = now_us()
        done.back_s = until(well)

    def _zombie(self, what: str, planned: Planned, done: Done) -> None:
        """Stop an actor for longer than its lease, and the supervisor with it, so that nobody ends it meanwhile."""
        victim = self._victim(what, planned)
        supervisor = self._victim("supervisor", planned)
        self._marked(victim, done)
        wire = self._world.wires.carriers[carrier_of(victim.name)] if what == "carrier" else None
        old = dict(wire.wrote) if wire is not None else {}
        done.at_us = now_us()
        for pid in (supervisor.pid, victim.pid):
            send_signal(pid, signal.SIGSTOP)
        try:
            time.sleep(planned.hold_s)
            if wire is not None:  # what was on its way when it was stopped has arrived by now
                old = {number: wrote for number, wrote in wire.wrote.items() if number in old}
        finally:
            for pid in (victim.pid, supervisor.pid):
                send_signal(pid, signal.SIGCONT)
        done.until_us = now_us()
        done.back_s = until(lambda: ready(victim.name) and ready("supervisor"))
        if wire is not None:
            done.zombie_submits = sum(wire.wrote[number].submits - before.submits for number, before in old.items())

    # -- links -------------------------------------------------------------------------------------------------------
    def _poison(self, family: str, what: str, planned: Planned, done: Done) -> None:
        world = self._world
        wires = world.wires
        proxy, well = self._link(family, planned, done)
        done.at_us = now_us()
        match what:
            case "reset":
                wires.reset(proxy)
            case "latency":
                late = 0.3 if family == "smpp" else 0.1
                for stream in ("up", "down"):
                    wires.poison(proxy, f"late {stream}", Latency(latency_s=late, jitter_s=late / 2), stream)
            case "drip":
                wires.poison(proxy, "slices", Slicer(size=7, variation=5), "down")
                wires.poison(proxy, "slow", Bandwidth(octets_per_s=4_000), "down")
            case "stall":
                for stream in ("up", "down"):
                    wires.poison(proxy, f"stall {stream}", Stall(), stream)
            case "half_open":
                wires.poison(proxy, "half", Stall(), "down")
            case _:
                # In the midst of a PDU: few frames end just there.
                octets = 3_333 if family == "smpp" else 50_021 if family == "redis" else 1_234
                wires.poison(proxy, "cut", LimitData(octets=octets, reset=True), "up", toxicity=0.5)
                wires.poison(proxy, "cut back", LimitData(octets=octets, reset=False), "down", toxicity=0.5)
        try:
            time.sleep(planned.hold_s)
        finally:
            wires.cure(proxy)
        done.until_us = now_us()
        done.back_s = until(well())

    def _link(self, family: str, planned: Planned, done: Done) -> tuple[Proxy, Callable[[], Callable[[], bool]]]:
        wires = self._world.wires
        if family == "smpp":
            name = sorted(wires.carriers)[int(planned.draw * len(wires.carriers))]
            done.victim, done.carriers = f"carrier:{name}#0", (name,) if KINDS[planned.kind].windows else ()
            return wires.carriers[name].proxy, lambda: lambda: ready(f"carrier:{name}#0")
        if family == "webhook":
            done.victim = "webhooks"

            def told() -> Callable[[], bool]:
                before = len(wires.receiver.told)
                return lambda: len(wires.receiver.told) > before

            return wires.hooks, told
        done.victim = "journal's link"
        if wires.journal is None:
            raise RuntimeError("the journal has no proxy")
        return wires.journal, self._customer.sends

    # -- the journal's store -----------------------------------------------------------------------------------------
    def _store(self, what: str, planned: Planned, done: Done) -> None:
        world = self._world
        done.victim = "journal"
        if what == "power_cut":
            cut_power(world)
            done.kills = 1
        elif what == "hung_fsync" and world.shim is not None:
            world.shim.hang_fsync(hung=True)
            try:
                time.sleep(planned.hold_s)
            finally:
                world.shim.hang_fsync(hung=False)
        elif what == "full_disk" and world.disk is not None:
            world.disk.fill()
            try:
                time.sleep(planned.hold_s)
            finally:
                world.disk.free()
        else:
            done.memory = press(world, self._customer, planned.hold_s)
        done.until_us = now_us()
        done.back_s = until(self._customer.sends())

    # -- clocks ------------------------------------------------------------------------------------------------------
    def _clock(self, what: str, planned: Planned, done: Done) -> None:
        """Step the wall clock of one process, or of all, by an hour."""
        shim = self._world.shim
        if shim is None:
            raise RuntimeError("no shim")
        by_us = HOUR_US if what == "forward" else -HOUR_US
        targets = ("front:#0", "journal", "carrier:alpha#0", "dispatcher:#0", "everything")
        done.victim = targets[int(planned.draw * len(targets))]
        if done.victim == "everything":
            pid = EVERY_PROCESS
        elif done.victim == "journal":
            pid = self._world.server.pid() or 0
        else:
            kind = done.victim.partition(":")[0]
            pid = next((one.pid for one in victims(self._world, kind) if one.name == done.victim), 0)
        if not pid:
            raise RuntimeError(f"{done.victim} does not answer")
        shim.step_clocks({pid: by_us})
        try:
            time.sleep(planned.hold_s)
        finally:
            shim.step_clocks({})
        done.until_us = now_us()
        probe, actors = self._customer.sends(), directory(self._world.settings)
        done.back_s = until(lambda: probe() and all_ready(actors))
