"""Whatever stands in a record, by whatever release: it is shown as far as it can be read."""

import msgpack
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.history import decision_ids, explanation, history
from router.ids import make_id
from router.journal.port import Record
from router.model import State
from router.present import view
from router.record import Body, EventKind

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8
)
kinds = st.sampled_from(list(EventKind)).map(int) | values
lines = st.lists(values, max_size=5).flatmap(lambda rest: st.tuples(values, kinds).map(lambda head: [*head, *rest])) | values
BODY = Body(
    tenant="acme", to="447700900123", sender="", text="x", klass=1, created_ms=0, expires_ms=0, encoding="gsm7", segments=1, country="GB",
    network="GB",
)  # fmt: skip
ID = make_id(1_768_469_400_000, 3, bytes(10))


@settings(max_examples=300)
@given(st.lists(lines, max_size=5), st.binary(max_size=3), values)
def test_any_history_is_shown(written, tail, table):
    octets = b"".join(map(msgpack.packb, written)) + tail
    record = Record(ID, State.SENT, 1, b"", octets)
    shown = history(record, {each: table if isinstance(table, list) else [table] for each in decision_ids(record)})
    assert shown[0].kind == "accepted"
    msgspec.json.encode(shown)
    msgspec.json.encode(view(record, BODY))


@given(values)
def test_any_row_is_explained_or_not(row):
    msgspec.json.encode(explanation(row))
