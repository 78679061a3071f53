"""Webhooks over TLS: who cannot show a certificate for its name gets nothing."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from carriers.webhook import WebhookSender
from router.webhooks import WebhookAnswer

HEADERS = {"webhook-id": "evt_1", "content-type": "application/json"}


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.example"), x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "hooks.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(encoding))
    return path


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
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with WebhookSender(allow_hosts=hosts, lookup=lookup, tls=trusting) as sender:
            assert await sender.send(f"https://hooks.example:{port}/", HEADERS, b"{}") == WebhookAnswer(204)
            answer = await sender.send(f"https://other.example:{port}/", HEADERS, b"{}")
            assert answer == WebhookAnswer(0, None, "the certificate is not valid")
    finally:
        await runner.cleanup()
