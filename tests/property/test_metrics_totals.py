"""Whatever restarts, is late or stays away: merged counters tell exactly what was counted and reported, and never go down."""

from hypothesis import given
from hypothesis import strategies as st

from actors.metrics import Metrics, Totals, snapshot

COUNTER = "trunkline_limiter_leases"
HISTOGRAM = "trunkline_plan_duration_seconds"

steps = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.integers(0, 2), st.integers(0, 50)),
        st.tuples(st.just("restart"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("late"), st.integers(0, 2), st.integers(0, 5)),
        st.tuples(st.just("scrape"), st.integers(0, 7), st.just(0)),  # bits: who answers
        st.tuples(st.just("keeper"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_totals_never_go_down_and_count_everything_reported(plan):
    totals = Totals()
    incarnations = [1, 1, 1]
    live = [Metrics("x", started_ns=1) for _ in range(3)]
    taken: list[list[bytes]] = [[], [], []]
    reported = [0, 0, 0]  # of the incarnation that lives, at its newest scrape
    before = [0, 0, 0]  # of those that died
    lowest = 0.0
    for step, who, amount in plan:
        match step:
            case "count":
                live[who].counter(COUNTER).add(amount)
                live[who].histogram(HISTOGRAM).observe_many([0.001 * n for n in range(amount)])
            case "restart":
                incarnations[who] += 1
                live[who] = Metrics("x", started_ns=incarnations[who])
                before[who] += reported[who]
                reported[who] = 0
            case "late" if taken[who]:
                totals.take({str(who): taken[who][min(amount, len(taken[who]) - 1)]})
            case "scrape":
                answers = {}
                for at in range(3):
                    if who & (1 << at):
                        octets = snapshot(live[at])
                        taken[at].append(octets)
                        answers[str(at)] = octets
                        reported[at] = int(live[at].counter(COUNTER).value)
                assert totals.take(answers) == []
            case "keeper":
                totals = Totals.load(totals.dump())
        assert totals.value(COUNTER) == sum(before) + sum(reported)
        assert totals.value(HISTOGRAM) == totals.value(COUNTER)
        assert totals.value(COUNTER) >= lowest
        lowest = totals.value(COUNTER)
