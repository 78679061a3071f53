import json
from collections import Counter

import msgspec
import pytest

from router.message import MessageIn
from router.model import MessageClass
from router.numbers import Number, parse_number
from router.text.segments import Measure, measure
from router.webhooks import encode_secret
from router.webhooks import headers as sign_headers
from sims.load.answers import Item, read_code, read_id, read_items
from sims.load.corpus import Corpus
from sims.load.options import InvalidOptions, LoadOptions, class_shares, parse_destinations, parse_shares, write_shares
from sims.load.receiver import secret_octets, signed


def decode(options, body):
    return (msgspec.json if options.format == "json" else msgspec.msgpack).decode(body)


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_every_message_is_one_that_the_api_takes(form):
    options = LoadOptions(count=1, mode="batch", batch=500, format=form, lengths={"short": 1, "long": 1, "unicode": 1})
    corpus = Corpus(options, webhook_url="http://127.0.0.1:9/e")
    seen, segments = Counter(), Counter()
    for _ in range(4):
        body, classes = corpus.request(500)
        messages = decode(options, body)["messages"]
        assert len(messages) == len(classes) == 500
        for message, octet in zip(messages, classes, strict=True):
            shaped = msgspec.convert(message, MessageIn)
            assert isinstance(parse_number(shaped.to), Number), shaped.to
            assert message["class"] == MessageClass(octet).word
            assert shaped.webhook_url == "http://127.0.0.1:9/e"
            measured = measure(shaped.text)
            assert isinstance(measured, Measure)
            segments[measured.segments > 1, measured.encoding] += 1
            seen[shaped.text] += 1
    assert len(seen) == 2_000  # no two texts are alike
    assert {long for long, _ in segments} == {True, False}
    assert len({encoding for _, encoding in segments}) == 2


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_single_bodies_are_messages_without_an_envelope(form):
    options = LoadOptions(count=1, format=form)
    body, classes = Corpus(options).request(1)
    assert set(decode(options, body)) == {"to", "from", "class", "text"}
    assert len(classes) == 1


def test_the_same_seed_gives_the_same_messages_and_another_one_others():
    first, again, other = (Corpus(LoadOptions(count=1, mode="batch", seed=seed)) for seed in (7, 7, 8))
    for _ in range(12):  # over the edge of a block
        body = first.request(500)
        assert body == again.request(500)
        assert body != other.request(500)


def test_shares_are_kept():
    options = LoadOptions(count=1, mode="batch", mix={"otp": 3, "marketing": 1})
    corpus = Corpus(options)
    counts = Counter(octet for _ in range(20) for octet in corpus.request(1_000)[1])
    assert counts[MessageClass.OTP] / 20_000 == pytest.approx(0.75, abs=0.02)
    assert MessageClass.TRANSACTIONAL not in counts
    assert class_shares(options) == ((MessageClass.OTP, 0.75), (MessageClass.MARKETING, 0.25))


def test_load_leaves_this_machine_only_when_told():
    for url in ("http://192.0.2.1:80", "http://example.com", "http://localhost.example.com:1", "http://0.0.0.0:8080"):
        with pytest.raises(InvalidOptions, match="allow-remote"):
            LoadOptions(count=1, url=url)
        LoadOptions(count=1, url=url, allow_remote=True)
    for url in ("http://127.0.0.1:8080", "http://127.8.0.1", "http://[::1]:8080", "https://localhost"):
        LoadOptions(count=1, url=url)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"count": 1, "rate_mps": -1},
        {"count": 1, "batch": 0},
        {"count": 1, "batch": 10_001},
        {"count": 1, "connections": 0},
        {"count": 1, "mix": {"otp": 0}},
        {"count": 1, "mix": {"otp": -1, "marketing": 3}},
        {"count": 1, "mix": {"urgent": 1}},
        {"count": 1, "lengths": {"huge": 1}},
        {"count": 1, "url": "ftp://127.0.0.1"},
        {"count": 1, "url": "http://127.0.0.1:99999"},
        {"count": 1, "destinations": ()},
    ],
)
def test_options_that_cannot_be_run_are_refused(wrong):
    with pytest.raises(InvalidOptions):
        LoadOptions(**wrong)


def test_options_are_read_from_text():
    assert parse_shares("mix", "otp=0.4, marketing=0.6") == {"otp": 0.4, "marketing": 0.6}
    assert parse_shares("mix", write_shares({"otp": 0.5})) == {"otp": 0.5}
    with pytest.raises(InvalidOptions, match="mix"):
        parse_shares("mix", "otp=much")
    found = parse_destinations(("+49151:8", "1415"))
    assert [(d.prefix, d.digits) for d in found] == [("49151", 8), ("1415", 8)]
    for wrong in ("", "0049:8", "49:99", "49:x", "abc"):
        with pytest.raises(InvalidOptions):
            parse_destinations((wrong,))


def test_answers_are_read_as_the_api_writes_them():
    body = json.dumps(
        {
            "data": [
                {"index": 0, "id": "01ABC", "status": "queued"},
                {"index": 1, "error": {"type": "x", "title": "x", "status": 422, "code": "invalid_message"}},
                {"index": 2, "error": {"status": 503, "code": "overloaded"}},
            ],
            "meta": {},
        }
    ).encode()
    wanted = [Item("01ABC"), Item("", 422, "invalid_message"), Item("", 503, "overloaded")]
    assert read_items(b"application/json", body) == wanted
    assert read_items(b"application/msgpack", msgspec.msgpack.encode(json.loads(body))) == wanted
    assert read_items(b"application/json", b'{"data": 7}') is None
    assert read_items(b"application/json", b"<html>") is None
    assert read_id(b"application/json", b'{"id":"01ABC","status":"queued"}') == "01ABC"
    assert read_id(b"application/json", b"[]") == ""
    assert read_code(b"application/problem+json", b'{"status":429,"code":"rate_limited"}') == "rate_limited"
    assert read_code(b"text/plain", b"no") == ""


def test_signatures_are_checked_as_the_specification_says():
    secret = bytes(range(32))
    body = b'{"type":"message.delivered"}'
    sent = {
        k.lower().encode(): v.encode()
        for k, v in sign_headers([b"another secret that was rotated!", secret], "evt_1", 1_700_000_000, body).items()
    }
    assert secret_octets(encode_secret(secret)) == secret
    assert signed(secret, sent, body)
    assert not signed(secret, sent, body + b" ")
    assert not signed(secret, {**sent, b"webhook-id": b"evt_2"}, body)
    assert not signed(secret, {}, body)
    assert not signed(b"wrong" * 8, sent, body)
    with pytest.raises(InvalidOptions):
        secret_octets("whsec_!!!")
