"""Kannel as a customer's gateway: bearerbox bound to our server, smsbox in front of it with HTTP."""

import asyncio
import random
import socket
import time
import urllib.parse
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from interop_customers import NUMBER, SENDER
from interop_foreign import DEADLINE_S, path_of, until

from carriers.smpp import commands as c
from router.model import State

LONG = "Long enough for two parts, if one looks at it. " * 6
LONG_UCS2 = "Привет, мир, и ещё раз привет! " * 5

CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = none
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
sms-resend-freq = 1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
{ports}
smsc-username = acme
smsc-password = secret12
system-type = ""
enquire-link-interval = 1
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = test
password = test
concatenation = true
max-messages = 10

group = sms-service
keyword = default
get-url = "http://127.0.0.1:{callbacks}/message?from=%p&text=%b&coding=%c"
max-messages = 0
concatenation = true
accepted-smsc = ours
"""


def free_ports(count):
    """Ports that nobody has, out of the kernel's way when it hands out others: Kannel cannot be told to take any."""
    found = []
    for port in random.sample(range(20_000, 32_000), 1_000):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


class Kannel:
    def __init__(self, boxes, sendsms, http):
        self.boxes = boxes
        self.calls = []  # (path, fields) of what it told by HTTP
        self.callbacks = 0
        self._sendsms = sendsms
        self._http = http

    async def told(self, request):
        self.calls.append((request.path, dict(urllib.parse.parse_qsl(request.query_string, encoding="latin-1"))))
        return web.Response(text="")

    @property
    def reports(self):
        """Kinds of delivery reports, as numbers: 1 delivered, 2 failed, 8 taken by the SMSC, 16 refused by it."""
        return [int(fields["kind"]) for path, fields in self.calls if path == "/report"]

    async def send(self, text, **fields):
        report = f"http://127.0.0.1:{self.callbacks}/report?kind=%d"
        fields = {"from": SENDER, "to": NUMBER, "text": text, "dlr-mask": "31", "dlr-url": report} | fields
        query = {"username": "test", "password": "test", "charset": "UTF-8"} | fields
        url = f"http://127.0.0.1:{self._sendsms}/cgi-bin/sendsms"
        deadline = time.monotonic() + DEADLINE_S
        while True:
            async with self._http.get(url, params=query) as answer:
                if answer.status == 202:
                    return
                told = await answer.text()  # the boxes have not found each other, or smsbox its users: nothing was taken
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.05)


@pytest.fixture(params=["transceiver", "two sessions"])
async def start(request, run, tap, tmp_path):
    """``await start(office)``: bearerbox and smsbox, bound to our server."""
    left = []

    async def make(office):
        relay = await tap(office.listener.port)
        http = aiohttp.ClientSession()
        admin, smsbox, sendsms = free_ports(3)
        kannel = Kannel([], sendsms, http)
        application = web.Application()
        application.router.add_get("/{kind}", kannel.told)
        runner = web.AppRunner(application)
        await runner.setup()
        left.extend((http.close, runner.cleanup))
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        kannel.callbacks = site._server.sockets[0].getsockname()[1]
        ports = f"port = {relay.port}\ntransceiver-mode = true"
        text = CONFIGURATION.format(admin=admin, smsbox=smsbox, sendsms=sendsms, callbacks=kannel.callbacks, ports=ports)
        if request.param != "transceiver":  # one group for each direction, as 1.4.5 does not open both in one
            first, group, rest = text.partition("group = smsc\n")
            group, _, rest = rest.partition("\n\n")
            both = (group.replace("transceiver-mode = true", "transceiver-mode = false"),)
            receiving = group.replace(ports, f"port = 0\nreceive-port = {relay.port}\ntransceiver-mode = false")
            text = first + "".join(f"group = smsc\n{one}\n\n" for one in (*both, receiving)) + rest
        (tmp_path / "kannel.conf").write_text(text, "utf-8")
        expected = 1 if request.param == "transceiver" else 2
        for program in ("bearerbox", "smsbox"):
            kannel.boxes.append(await run(path_of(program), "-v", "4", str(tmp_path / "kannel.conf"), listens=False))
            if program == "bearerbox":
                await until(lambda: office.listener.bound().get("acme", (0, 0))[0] == expected, "bound")
                await until(lambda: connects(smsbox), "bearerbox listens")
        await until(lambda: connects(sendsms), "smsbox listens")
        return kannel

    yield make
    for end in left:
        await end()


def connects(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


async def ended(office, kannel, count):
    """Kannel has heard of ``count`` answers, and hears of the ends then: it drops receipts that it hears of before."""
    await until(lambda: kannel.reports.count(8) == count, "answers")
    office.held = False
    office.room("acme")


async def test_messages_and_their_reports(make_office, start):
    office = await make_office()
    kannel = await start(office)
    office.held = True
    await kannel.send("hello {€}")
    await kannel.send("Код 42", coding="2")
    await ended(office, kannel, 2)
    await until(lambda: kannel.reports.count(1) == 2, "reports")
    assert sorted(office.texts) == sorted([(SENDER, NUMBER, "hello {€}"), (SENDER, NUMBER, "Код 42")])


async def test_long_messages_are_joined(make_office, start):
    office = await make_office()
    kannel = await start(office)
    office.held = True
    await kannel.send(LONG)
    await kannel.send(LONG_UCS2, coding="2")
    await until(lambda: len(office.bodies) == 2, "whole")
    await ended(office, kannel, 2)
    assert sorted(text for _, _, text in office.texts) == sorted([LONG, LONG_UCS2])
    await until(lambda: kannel.reports.count(1) == 2, "reports")


async def test_what_did_not_arrive_is_reported(make_office, start):
    office = await make_office()
    office.end, office.held = State.UNDELIVERED, True
    kannel = await start(office)
    await kannel.send("hello")
    await ended(office, kannel, 1)
    await until(lambda: kannel.reports == [8, 2], "report")


async def test_throttled_messages_come_again_and_refused_ones_are_reported(make_office, start):
    office = await make_office()
    kannel = await start(office)
    office.statuses, office.held = [c.RTHROTTLED], True
    await kannel.send("hello")
    await ended(office, kannel, 1)
    await until(lambda: 1 in kannel.reports, "report")
    office.statuses = [c.RINVDSTADR]
    await kannel.send("nobody")
    await until(lambda: 16 in kannel.reports, "refusal")
    assert [text for _, _, text in office.texts] == ["hello"]


async def test_messages_from_handsets(make_office, start):
    office = await make_office()
    kannel = await start(office)
    office.send(NUMBER, "STOP please")
    office.send(NUMBER, "Да", encoding="ucs2")
    office.send(NUMBER, LONG.strip())

    def heard():
        calls = [fields for path, fields in kannel.calls if path == "/message"]
        return {one["text"].encode("latin-1").decode("utf-16-be" if one["coding"] == "2" else "utf-8").strip() for one in calls}

    await until(lambda: len(heard()) == 3, "three")
    assert heard() == {"STOP please", "Да", LONG.strip()}
    assert office.taken == 3
