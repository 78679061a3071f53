"""A link whose window is to be found."""

from carriers.port import Verdict


async def test_the_window_is_found_while_it_is_used(smsc, make_rig, poll):
    rig = await make_rig(window=0).bound()
    assert rig.link.state.window == 10
    sent = 0
    while rig.link.state.window < 40:
        assert sent < 20_000
        rig.link.send([rig.outgoing() for _ in range(100)])
        sent += 100
        await rig.answered(sent)
    assert all(answer.verdict is Verdict.ACCEPTED for answer in rig.answers)
    assert rig.link.counters.throttled == 0


async def test_a_complaint_shrinks_it(smsc, make_rig, poll):
    rig = await make_rig(window=0, sessions=2).bound(2)
    assert rig.link.state.window == 20
    complaints = iter([0x58])
    smsc.status_of = lambda _: next(complaints, 0)
    rig.link.send([rig.outgoing()])
    await rig.answered(1)
    assert rig.link.state.window == 18  # the other session was not complained about; the speed is everybody's
    assert rig.link.counters.throttled == 1
    smsc.shells[0].abort("cut")
    await poll(lambda: rig.link.counters.binds == 3)
    await poll(lambda: rig.link.state.bound == 2)
    assert 18 <= rig.link.state.window <= 20
