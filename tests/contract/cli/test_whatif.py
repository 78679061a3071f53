"""``trunkline export`` from a served API, and ``trunkline sim policy`` with what it wrote."""

import csv
import json

import msgpack
import pytest

from router.history import decision_name
from router.ids import make_id
from router.journal.port import Assign, Intake, Receipt, Submitted
from router.model import MessageClass, State
from router.record import Body, EventKind, pack_body, pack_event

COUNT = 600
ROW = {
    "board": 7,
    "network": "23410",
    "class": "otp",
    "considered": [["one", 10_000, 0.95, 2.0, 0, 33_000, 0.03], ["two", 9_000, 0.9, 3.0, 0, 51_000, 0.03]],
    "excluded": {},
    "policy": "balanced",
}
NOW_MS = 1_768_469_400_000


async def fill(served, count):
    """Messages that went through the journal's moves, half of them to each carrier; one in ten is lost."""
    front, journal = served.front, served.journal
    made = []
    for number in range(count):
        fields = {"tenant": "shop", "to": "447700900123", "sender": "ACME", "text": "a secret", "klass": 0, "encoding": "gsm7"}
        body = Body(
            **fields, created_ms=front.now_ms(), expires_ms=front.now_ms() + 10**7, segments=1, country="GB", network="23410"
        )
        made.append(
            Intake(
                make_id(front.now_ms(), number % 64, number.to_bytes(10, "big")),
                "shop",
                MessageClass.OTP,
                pack_body(body),
                body.expires_ms,
            )
        )
    await journal.accept(made)
    await journal.lease_partitions("d", 1, list(range(64)), 60)
    await journal.claim("d", 1, list(range(64)), dict.fromkeys(MessageClass, count))
    await journal.put_value(decision_name(b"decision"), msgpack.packb([ROW]))
    epochs = {name: (await journal.register(f"carrier:{name}#0", "i", 60))[0] for name in ("one", "two")}
    for number, one in enumerate(made):
        name, at_ms = ("one", "two")[number % 2], NOW_MS + 100 * number
        owner = f"carrier:{name}#0"
        why = "draw" if name == "two" else False
        assigned = pack_event(at_ms, EventKind.ASSIGNED, name, 1, b"decision", 0, why)
        assert await journal.assign(owner, epochs[name], [Assign(one.id, 0, assigned)]) == [True]
        submitted = pack_event(at_ms + 20, EventKind.SUBMITTED, name, [f"x{number}"], 20_000)
        await journal.submitted(owner, name, [Submitted(one.id, (f"x{number}",), NOW_MS * 2, submitted)])
        state = State.DELIVERED if number % 10 else State.UNDELIVERED
        receipt = pack_event(at_ms + 3_000, EventKind.RECEIPT, name, f"x{number}", state.name, "000")
        final = pack_event(at_ms + 3_000, EventKind.FINAL, int(state), "", False, "")
        await journal.receipts(name, [Receipt(f"x{number}", state, receipt, final)])
    return made


@pytest.fixture
def filled(here, served):
    served.do(fill(served, COUNT))
    return here


def test_what_is_exported_can_be_asked(filled, tmp_path):
    out = tmp_path / "records.csv"
    result = filled("export", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{COUNT} records written to {out}\n"
    text = out.read_text("utf-8")
    assert not any(word in text for word in ("a secret", "447700900123", "ACME"))
    lines = list(csv.DictReader(text.splitlines()))
    assert len({line["id"] for line in lines}) == len(lines) == COUNT
    assert {line["outcome"] for line in lines} == {"delivered", "undelivered"}
    answer = tmp_path / "answer.json"
    asked = filled(
        "sim", "policy", "--records", str(out), "--policy", "balanced", "--propensity", "estimated", "--json", str(answer)
    )
    assert asked.exit_code == 0, asked.output
    told = json.loads(answer.read_bytes())
    assert told["refused"] == []
    assert told["sent"] == {"one": {"logged": 0.5, "target": 1.0}, "two": {"logged": 0.5, "target": 0.0}}
    total = told["parts"][0]["measures"]
    assert total["cost_micros"]["target"]["estimate"] == pytest.approx(10_000)
    assert total["delivered_in_time"]["logged"]["estimate"] == pytest.approx(0.9)
    # Every tenth is lost, and those are of carrier one, which has the even numbers: a fifth of its messages.
    assert total["delivered_in_time"]["target"]["low"] < 0.8 < total["delivered_in_time"]["target"]["high"]
    assert "in time, %" in asked.output


def test_other_prices_alone(filled, tmp_path):
    out, deck = tmp_path / "records.csv", tmp_path / "deck.csv"
    filled("export", "--out", str(out))
    deck.write_text("carrier,to,micros\none,*,12000\ntwo,net:23410,9000\n")
    answer = tmp_path / "answer.json"
    result = filled("sim", "policy", "--records", str(out), "--prices", str(deck), "--json", str(answer))
    assert result.exit_code == 0, result.output
    told = json.loads(answer.read_bytes())
    assert (told["policy"], told["prices"]) == ("logged", "deck.csv")
    assert told["parts"][0]["measures"]["cost_micros"]["difference"]["estimate"] == pytest.approx(1_000)
    deck.write_text("carrier,to,micros\none,*,12000\n")
    result = filled("sim", "policy", "--records", str(out), "--prices", str(deck), "--policy", "cheapest")
    assert result.exit_code == 1
    assert "deck_lacks_carrier" in result.output
    deck.write_text("carrier,to,micros\none,*,much\n")
    result = filled("sim", "policy", "--records", str(out), "--prices", str(deck))
    assert result.exit_code == 2
    assert "row 1, column micros" in result.stderr


def test_an_export_is_of_the_span_and_class_asked_for_and_whole(filled, tmp_path):
    out = tmp_path / "some.csv"
    assert filled("export", "--out", str(out), "--class", "marketing").stdout.startswith("0 records")
    assert filled("export", "--out", str(out)).exit_code == 2  # it is there already
    assert filled("export", "--out", str(out), "--until", "2020-01-01", "--force").stdout.startswith("0 records")
    assert filled("export", "--out", str(out), "--since", "2020-01-01T00:00:00+01:00", "--force").stdout.startswith(
        f"{COUNT} records"
    )
    wrong = filled("export", "--out", str(tmp_path / "x.csv"), "--since", "soon")
    assert (wrong.exit_code, "--since" in wrong.stderr) == (2, True)
    assert filled("export", "--out", str(tmp_path / "x.json")).exit_code == 2
    assert filled("export", "--out", str(tmp_path / "y.csv"), "--key", "tl_no").exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json") == ["some.csv"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "say what is to be different"),
        (("--policy", "dearest"), "'dearest' is not one of balanced"),
        (("--policy", "cheapest", "--loss", "2"), "not both"),
        (("--policy", "cheapest", "--propensity", "guessed"), "'guessed' is not one of auto"),
        (("--policy", "cheapest"), "cannot be read"),
        (("--policy", "cheapest", "--config", "none.toml"), "cannot be read"),
    ],
)
def test_misuse_is_told_in_a_sentence(run, tmp_path, words, sentence):
    result = run("sim", "policy", "--records", str(tmp_path / "none.csv"), *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
