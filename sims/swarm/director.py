"""Breaks things on the stage, when the plan says so, and writes down what that can have left in doubt."""

from sims.invariants import Fault
from sims.swarm.node import Node
from sims.swarm.plan import Happening
from sims.swarm.stage import Stage

LANE_S = 0.25  # what a carrier's process may have handed to its sessions and not yet told the journal the end of


class Director:
    """Of one run."""

    def __init__(self, stage: Stage) -> None:
        self.faults: list[Fault] = []
        self._stage = stage
        self._profiles = {f"carrier:{profile.name}#0": profile for profile in stage.plan.settings.carriers}
        self._armed: list[tuple[Happening, int]] = []
        self._journal_s = 0.0  # how long answers may have waited for the journal
        stage.on_call = self._on_call
        for one in stage.plan.happenings:
            stage.loop.call_at(one.at_s, self._happen, one)

    def _happen(self, one: Happening) -> None:
        stage = self._stage
        stage.trace.add("fault", one.kind, one.role, f"{one.lasts_s:.2f}")
        until_s = stage.loop.time() + one.lasts_s
        node = stage.nodes.get(one.role)
        weather = stage.store.weather
        match one.kind:
            case "kill" if node is not None:
                self._kill(node, one)
            case "kill_at_call":
                self._armed.append((one, one.nth))
            case "stop" | "replace" if node is not None:
                self._doubt(one.kind, node.role, one.lasts_s)
                stage.stop(node, one.lasts_s)
                if one.kind == "replace":
                    stage.start(node.role)
            case "clock" if node is not None:
                node.skew_ns += int(one.value * 1e9)
            case "journal_down":
                weather.down_until_s = max(weather.down_until_s, until_s)
                self._journal_s += one.lasts_s
            case "journal_lossy":
                weather.lost = one.value
                stage.later(one.lasts_s, self._clear, "lost")
                self._journal_s += one.lasts_s
            case "journal_slow":
                weather.slow = one.value
                stage.later(one.lasts_s, self._clear, "slow")
                self._journal_s += one.lasts_s
            case "deaf":
                weather.deaf = one.value
                stage.later(one.lasts_s, self._clear, "deaf")
            case "cut" | "unreachable":
                self._doubt(one.kind, f"carrier:{one.role}#0", 0.0)
                if one.kind == "unreachable":
                    stage.network.unreachable[f"{one.role}.sim"] = until_s
                stage.network.cut(f"{one.role}.sim")
            case "smsc" if one.temperament is not None:
                before = stage.counters[one.role].temperament
                stage.counters[one.role].temperament = one.temperament
                stage.later(one.lasts_s, setattr, stage.counters[one.role], "temperament", before)
            case "endpoint":
                stage.endpoint.broken_until_s = max(stage.endpoint.broken_until_s, until_s)
            case "calls":
                stage.exchange.lost = one.value
                stage.later(one.lasts_s, self._heal_calls)
            case _:
                pass  # whose role is not taken now

    def _on_call(self, node: Node, call: str, phase: str) -> None:
        """A process calls the journal: the moment that some are waiting for."""
        for place, (one, left) in enumerate(self._armed):
            if one.role == node.role and one.call == call and one.phase == phase and node.alive:
                if left > 1:
                    self._armed[place] = one, left - 1
                else:
                    del self._armed[place]
                    self._stage.trace.add("fault", "kill_at_call", node.name, call, phase)
                    self._kill(node, one)
                return

    def _kill(self, node: Node, one: Happening) -> None:
        self._doubt(one.kind, node.role, 0.0)
        self._stage.kill(node, one.lasts_s)

    def _doubt(self, kind: str, role: str, lasts_s: float) -> None:
        """What this carrier has under way now may be in doubt: its windows, and what the journal has not been told yet."""
        profile = self._profiles.get(role)
        if profile is None:
            return
        now_us = self._stage.now_us()
        untold = int(profile.speed_mps * (LANE_S + self._journal_s))
        doubts = profile.sessions * profile.window + untold
        self.faults.append(Fault(now_us, kind, profile.name, doubts, now_us + int(lasts_s * 1e6)))

    def _clear(self, what: str) -> None:
        setattr(self._stage.store.weather, what, 0.0)

    def _heal_calls(self) -> None:
        self._stage.exchange.lost = 0.0

    def heal(self) -> None:
        """Nothing is broken from now on."""
        stage = self._stage
        stage.trace.add("healed")
        self._armed.clear()
        for what in ("lost", "slow", "deaf", "down_until_s"):
            self._clear(what)
        self._heal_calls()
        stage.network.unreachable.clear()
        stage.endpoint.broken_until_s = 0.0
