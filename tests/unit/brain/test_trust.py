import numpy as np
import pytest

from router.brain.board import board, board_from_bytes, board_to_bytes
from router.brain.doubt import CEILING, LIE, RETURN_S, Doubt, slow
from router.brain.hearing import Hearing
from router.brain.port import Observation, Outcome
from router.brain.probes import RETURNING_PROBE_S
from router.brain.snapshot import SNAPSHOT_VERSION, pack_state, resume, unpack_state
from router.brain.spotless import MOST, Spotless
from router.brain.state import BrainState, observe, tick
from router.brain.trust import PROMPT_S, RETRY_S, Trust
from router.model import MessageClass

OTP = MessageClass.OTP
SHOP = "shop"


def of(outcome, at_s, age_s=0.0, carrier="a", after_s=-1.0, tenant=SHOP, network="23410"):
    return Observation(at_s, carrier, network, OTP, outcome, age_s, True, tenant, after_s)


class World:
    """Codes in virtual time: a tick a second, receipts after 2 s, codes used 8 s after their delivery."""

    def __init__(self, seed=1, tenants=(SHOP,)):
        self.state, self.rng, self.now, self.coming = BrainState(0.0), np.random.default_rng(seed), 0, []
        self.tenants = tenants
        observe(self.state, [of(Outcome.CONVERTED, 0.0, 10.0, tenant=tenant) for tenant in tenants], 0.0)

    def run(self, seconds, rate, *, delivered=None, receipts=None, used=0.75, tells=True):
        """``rate``: codes a second by carrier; ``delivered`` and ``receipts`` (of those delivered; "all": of any) by carrier."""
        for _ in range(seconds):
            for carrier, count in rate.items():
                for tenant in self.tenants:
                    for _ in range(count):
                        self.send(
                            carrier, tenant, (delivered or {}).get(carrier, 0.95), (receipts or {}).get(carrier, 1.0), used, tells
                        )
            due = [item for item in self.coming if item.at_s <= self.now]
            self.coming = [item for item in self.coming if item.at_s > self.now]
            observe(self.state, sorted(due), float(self.now))
            tick(self.state, float(self.now))
            self.now += 1
        return self

    def send(self, carrier, tenant, p, receipts, used, tells):
        now, arrives = float(self.now), self.rng.random() < p
        self.coming.append(of(Outcome.SUBMITTED, now, 0.0, carrier, tenant=tenant))
        receipt = self.rng.random() < 0.99 if receipts == "all" else arrives and self.rng.random() < receipts
        if receipt:
            self.coming.append(of(Outcome.DELIVERED, now + 2, 2.0, carrier, tenant=tenant))
        elif not arrives and receipts not in ("all", 0.0):
            self.coming.append(of(Outcome.UNDELIVERED, now + 2, 2.0, carrier, tenant=tenant))
        if arrives and tells and self.rng.random() < used:
            self.coming.append(of(Outcome.CONVERTED, now + 10, 10.0, carrier, 8.0 if receipt else -1.0, tenant=tenant))

    def view(self, carrier="a"):
        return board(self.state, float(self.now)).carriers[carrier]

    def p(self, carrier="a", network="23410"):
        return board(self.state, float(self.now)).cells[f"{carrier}|{network}|0"].p


BOTH = {"a": 2, "b": 2}


def test_honest_receipts_are_worth_all_they_say():
    world = World().run(300, BOTH)
    assert world.state.evidence.trust.rows == 2
    assert [world.view(name).trust for name in BOTH] == [1.0, 1.0]
    assert world.p() == pytest.approx(0.95, abs=0.03)


def test_receipts_that_lie_are_worth_less_within_half_a_minute_and_all_again_when_conversions_return():
    world = World().run(300, BOTH)
    lied = {"delivered": {"a": 0.25}, "receipts": {"a": "all"}}
    world.run(30, BOTH, **lied)
    assert world.view("a").trust < 0.6
    assert world.view("b").trust > 0.8  # of two, one alone says how many codes are used
    assert world.p("a") < 0.65
    assert world.p("a", "*") < 0.65
    world.run(60, BOTH, **lied)
    assert world.view("a").trust < 0.5
    assert not world.view("a").suspect  # its receipts come as ever
    world.run(90, BOTH)
    assert world.view("a").trust > 0.9


def test_a_doubted_carrier_is_probed_with_codes_and_more_often_when_some_are_used():
    world = World().run(300, BOTH).run(60, BOTH, delivered={"a": 0.0}, receipts={"a": "all"})
    probes = board(world.state, float(world.now)).probes
    assert probes["a|*|0"] >= 10
    assert "b|*|0" not in probes
    world.run(30, BOTH)
    assert board(world.state, float(world.now)).probes.get("a|*|0", 0.0) <= RETURNING_PROBE_S


def test_while_receipts_are_in_doubt_the_board_says_whose_codes_can_clear_them():
    world = World().run(300, BOTH)
    assert board(world.state, float(world.now)).reporters == ()
    world.run(60, BOTH, delivered={"a": 0.0}, receipts={"a": "all"})
    found = board(world.state, float(world.now))
    assert found.reporters == (SHOP,)
    assert board_from_bytes(board_to_bytes(found)).reporters == (SHOP,)


def test_a_liar_whose_codes_are_used_now_and_then_is_not_probed_for_ever():
    """Each used code may call for less than one more that is used."""
    assert RETURN_S / RETURNING_PROBE_S * LIE < 1.0


def test_one_country_alone_can_be_doubted():
    world = World().run(200, BOTH)
    trust = world.state.evidence.trust
    observe(world.state, [of(Outcome.SUBMITTED, 199.0, network="26201")], 199.0)
    for second in range(200, 290):
        batch = [of(Outcome.DELIVERED, float(second), 2.0, network="26201")] * 2
        observe(world.state, batch, float(second))
        world.run(1, BOTH)
    assert trust.places[1].names == [("a", "234"), ("b", "234"), ("a", "262")]
    cells = board(world.state, float(world.now)).cells
    assert cells["a|26201|0"].p < 0.7
    assert cells["a|23410|0"].p > 0.85


def test_codes_that_are_used_without_receipts_keep_a_carrier_in_service():
    world = World().run(300, BOTH).run(8, BOTH, receipts={"a": 0.0})
    world.run(30, BOTH, receipts={"a": 0.0})
    assert world.view("a").suspect
    assert world.view("a").unheard == "*"
    assert world.p() > 0.75
    world.run(60, BOTH, delivered={"a": 0.0}, receipts={"a": 0.0})
    assert world.view("a").unheard == ""  # a black hole after all
    assert world.p() < 0.3
    world.run(90, BOTH)
    assert (world.view("a").suspect, world.p() > 0.8) == (False, True)


def test_a_black_hole_is_not_taken_for_lost_receipts():
    world = World().run(300, BOTH)
    for _ in range(30):
        world.run(2, BOTH, delivered={"a": 0.0}, receipts={"a": 0.0})
        assert world.view("a").unheard == ""
    assert world.p() < 0.3


def test_a_tenant_whose_reports_stop_is_not_held_against_the_carriers():
    world = World(tenants=(SHOP, "bank")).run(200, BOTH)
    for _ in range(120):
        world.tenants = ("bank",)
        world.run(1, {"a": 1, "b": 1})
        world.tenants = (SHOP,)
        for carrier in BOTH:
            world.send(carrier, SHOP, 0.95, 1.0, 0.75, False)
    assert SHOP not in world.state.evidence.trust.reporters
    assert "bank" in world.state.evidence.trust.reporters
    assert min(world.view(name).trust for name in BOTH) > 0.97


def test_who_tells_often_is_not_silent_after_a_moment_without():
    many = {"a": 6, "b": 6}
    world = World().run(200, many).run(2, many, tells=False).run(20, many)
    assert SHOP in world.state.evidence.trust.reporters
    assert min(world.view(name).trust for name in BOTH) > 0.97
    world.run(40, many, tells=False)
    assert SHOP not in world.state.evidence.trust.reporters


def test_tenants_differ_in_what_their_codes_are_for():
    world = World(tenants=(SHOP, "links"))
    for _ in range(300):
        world.tenants = (SHOP,)
        world.run(1, {"a": 2})
        world.tenants = ("links",)
        for _ in range(2):
            world.send("b", "links", 0.95, 1.0, 0.2, True)
    assert min(world.view(name).trust for name in BOTH) > 0.97


def test_what_is_told_late_teaches_nothing():
    trust = Trust(0.0)
    trust.observe([of(Outcome.CONVERTED, 0.0)], 0.0)
    trust.observe([of(Outcome.SUBMITTED, 1.0)], 1.0)
    assert (trust.rows, trust.sent.pending()[0]) == (1, 1.0)
    trust.observe([of(Outcome.CONVERTED, 2.0, 1.0)], 2.0 + PROMPT_S + 1)
    assert SHOP not in trust.reporters
    assert trust.sent.pending()[0] == trust.seen[0] == 0.0
    trust.observe([of(Outcome.CONVERTED, 100.0)], 100.0)
    assert SHOP not in trust.reporters
    later_s = 100.0 + RETRY_S
    trust.observe([of(Outcome.CONVERTED, later_s)], later_s)
    assert SHOP in trust.reporters


def test_what_will_not_come_is_due_at_once():
    trust = Trust(0.0)
    trust.observe([of(Outcome.CONVERTED, 0.0)], 0.0)
    trust.observe([of(Outcome.SUBMITTED, 1.0), of(Outcome.DELIVERED, 3.0, 2.0)], 3.0)
    after, ages = trust.curves()
    trust.advance(5.0)
    assert 0 < trust.fresh_t[0] @ after < 0.2
    trust.observe([of(Outcome.NOT_CONVERTED, 6.0, 5.0, after_s=3.0)], 6.0)
    assert trust.fresh_t[0] @ after == pytest.approx(1.0, abs=0.03)
    assert trust.fresh_v[0] @ ages == pytest.approx(1.0, abs=0.03)
    trust.advance(60.0)
    assert trust.fresh_t[0] @ after == pytest.approx(1.0, abs=0.03)


def test_little_data_is_never_held_against_anybody():
    doubt, none = Doubt(), np.zeros(1)
    doubt.grow(1)
    assert doubt.quick() == 1.0
    doubt.step(none, np.array([2.0]), none, 1.0)
    assert doubt.quick() == 1.0
    assert slow(none, np.array([3.0]), np.ones(1))[0] == 1.0
    assert slow(np.array([260.0]), np.array([300.0]), np.ones(1))[0] == 1.0
    assert slow(np.array([200.0]), np.array([300.0]), np.ones(1))[0] < 0.9


def test_a_doubt_is_bounded_and_suspicion_hastens_it():
    plain, warned, some = Doubt(), Doubt(), np.array([2.0])
    for doubt in (plain, warned):
        doubt.grow(1)
    plain.step(np.zeros(1), some, np.zeros(1), 1.0)
    warned.step(np.zeros(1), some, np.array([MOST]), 1.0)
    assert warned.quick() < plain.quick() == 1.0
    warned.step(np.zeros(1), 100 * some, np.array([MOST]), 1.0)
    assert warned.score + warned.suspicion == CEILING
    warned.step(100 * some, np.zeros(1), np.zeros(1), 1.0)
    assert (warned.score, warned.quick()) == (0.0, 1.0)
    assert 0 < LIE < 1


def test_a_hearing_wants_two_witnesses():
    hearing = Hearing(0.0, 0.7)
    hearing.step(1, 0, 3.0, 1.0)
    assert not hearing.lost
    hearing.step(2, 0, 1.0, 1.0)
    assert hearing.lost
    assert Hearing.unpack(hearing.pack()).pack() == hearing.pack()


def test_negative_receipts_that_vanish_are_noticed():
    world = World().run(200, BOTH, delivered={"a": 0.9})
    assert world.state.evidence.spotless.suspicion("a") == 0.0
    world.run(60, BOTH, delivered={"a": 1.0})
    assert world.state.evidence.spotless.suspicion("a") > 1.0
    assert world.view("a").trust == 1.0  # codes are used as ever
    assert Spotless().suspicion("nobody") == 0.0


def test_a_snapshot_of_the_release_before_is_read():
    import msgpack

    state = World().run(60, BOTH).state
    found = msgpack.unpackb(pack_state(state))
    assert found["version"] == SNAPSHOT_VERSION
    del found["evidence"]
    old = unpack_state(msgpack.packb(found | {"version": 2}))
    assert old.evidence.idle
    assert old.ledger.rows == state.ledger.rows
    tick(old, 70.0)


def test_a_snapshot_from_before_receipts_were_counted_by_when_they_came_is_read():
    import msgpack

    state = World().run(60, BOTH).state
    found = msgpack.unpackb(pack_state(state))
    del found["evidence"]["lately"], found["evidence"]["spotless_since"]
    for doubt in found["evidence"]["doubts"]:
        del doubt["lately"]
    old = unpack_state(msgpack.packb(found))
    tick(old, 70.0)
    assert [len(doubt.lately) for doubt in old.evidence.doubts] == [len(doubt.score) for doubt in state.evidence.doubts]


def test_after_a_restart_nothing_under_way_counts():
    world = World().run(60, BOTH)
    again = unpack_state(pack_state(world.state))
    resume(again, 100.0)
    trust = again.evidence.trust
    assert trust.given.pending().sum() == trust.sent.pending().sum() == 0.0
    assert trust.reporters == world.state.evidence.trust.reporters
    assert trust.o.sum() > 0


def test_the_lies_of_one_are_not_held_against_the_others():
    world = World().run(400, BOTH)
    for _ in range(12):
        world.run(10, BOTH, delivered={"a": 0.25}, receipts={"a": "all"})
        assert world.view("b").trust > 0.97  # the honest past of the liar does not raise what a receipt has to bring
    assert world.view("a").trust < 0.5


def test_who_lies_everywhere_is_doubted_everywhere_though_one_country_is_found_out_first():
    state, rng, coming = BrainState(0.0), np.random.default_rng(4), []
    rate = {"23410": 4, "26201": 1, "20801": 1}
    observe(state, [of(Outcome.CONVERTED, 0.0, 10.0)], 0.0)
    for second in range(400):
        now, lies = float(second), second >= 300
        for carrier in ("a", "b"):
            for network, count in rate.items():
                for _ in range(count):
                    arrives = rng.random() < (0.1 if lies and carrier == "a" else 0.95)
                    told = arrives or (lies and carrier == "a")
                    coming.append(of(Outcome.SUBMITTED, now, 0.0, carrier, network=network))
                    if told:
                        coming.append(of(Outcome.DELIVERED, now + 2, 2.0, carrier, network=network))
                    if arrives and rng.random() < 0.75:
                        coming.append(of(Outcome.CONVERTED, now + 10, 10.0, carrier, 8.0, network=network))
        due = sorted(item for item in coming if item.at_s <= now)
        coming = [item for item in coming if item.at_s > now]
        observe(state, due, now)
        tick(state, now)
    shown = board(state, 400.0)
    assert shown.carriers["a"].trust < 0.5
    assert all(shown.cells[f"a|{network}|0"].p < 0.5 for network in rate)
    assert shown.cells["a|*|0"].p < 0.6
    assert all(shown.cells[f"b|{network}|0"].p > 0.9 for network in rate)


def test_a_receipt_said_to_be_older_than_its_submit_counts_as_of_the_submit():
    trust = Trust(0.0)
    trust.observe([of(Outcome.CONVERTED, 0.0, 10.0)], 0.0)
    trust.observe([of(Outcome.SUBMITTED, 1.0)], 1.0)
    trust.observe([of(Outcome.CONVERTED, 20.0, 5.0, after_s=2.0**63)], 20.0)
    assert trust.seen[0] == 1.0
    assert trust.lately.used.sum() == 1.0
