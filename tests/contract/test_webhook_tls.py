"""Webhooks over TLS: who cannot show a certificate for its name gets nothing."""

import ssl

import pytest
from aiohttp import web

from carriers.webhook import WebhookSender
from router.webhooks import WebhookAnswer
from tests.certificate import self_signed

HEADERS = {"webhook-id": "evt_1", "content-type": "application/json"}


@pytest.fixture
def certificate(tmp_path):
    return self_signed(tmp_path, "hooks.example", "127.0.0.1").both


async def test_certificates_are_verified_for_the_name(certificate):
    async def handle(_request):
        return web.Response(status=204)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    hosts = ["hooks.example", "other.example"]

    async def lookup(_host, _port):
        return ["127.0.0.1"]

    try:
        async with WebhookSender(allow_hosts=hosts, lookup=lookup) as sender:
            answer = await sender.send(f"https://hooks.example:{port}/", HEADERS, b"{}")
            assert answer == WebhookAnswer(0, None, "the certificate is not valid")
        trusting = ssl.create_default_context(cafile=certificate)
        async with WebhookSender(allow_hosts=hosts, lookup=lookup, tls=trusting) as sender:
            assert await sender.send(f"https://hooks.example:{port}/", HEADERS, b"{}") == WebhookAnswer(204)
            answer = await sender.send(f"https://other.example:{port}/", HEADERS, b"{}")
            assert answer == WebhookAnswer(0, None, "the certificate is not valid")
    finally:
        await runner.cleanup()
