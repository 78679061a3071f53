"""Webhooks never reach inwards: every special address, however it is written."""

import ipaddress

import pytest

from router.addresses import AllowList, Target, check_address, check_url, is_host_name, why_denied

DENIED = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared by carriers' NAT",
    "100.127.255.255": "shared by carriers' NAT",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "reserved",
    "192.0.0.9": "reserved",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "198.19.255.255": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "IPv4-compatible",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:10.0.0.1": "private",
    "::ffff:a9fe:a9fe": "link-local",
    "::ffff:0:127.0.0.1": "reserved",
    "64:ff9b::a9fe:a9fe": "NAT64",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b:1::1": "NAT64",
    "100::1": "discard",
    "2001::1": "Teredo",
    "2001:0:53aa:64c:0:fbff:7fff:fffe": "Teredo",
    "2001:2::1": "reserved",
    "2001:10::1": "reserved",
    "2001:20::1": "reserved",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:a9fe:a9fe::1": "6to4",
    "3fff::1": "documentation",
    "5f00::1": "reserved",
    "4000::1": "reserved",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "2606:4700::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "2606:4700::5efe:7f00:1": "ISATAP",
    "2606:4700::200:5efe:a00:1": "ISATAP",
    "localhost": "no IP address",
    "127.1": "no IP address",
    "": "no IP address",
}
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450:4001::1",
    "2003::1",
]
PYTHON_CALLS_GLOBAL = ["64:ff9b::a9fe:a9fe", "224.0.0.1", "ff0e::1", "192.88.99.1"]  # and 2002::/16, in later releases


@pytest.mark.parametrize(("address", "word"), DENIED.items())
def test_special_addresses_are_denied(address, word):
    assert why_denied(address) == word


@pytest.mark.parametrize("address", ALLOWED)
def test_public_addresses_are_allowed(address):
    assert why_denied(address) == ""


@pytest.mark.parametrize("address", PYTHON_CALLS_GLOBAL)
def test_what_python_calls_global_is_denied_where_it_leads_elsewhere(address):
    assert ipaddress.ip_address(address).is_global, "this test documents why is_global is not used"
    assert why_denied(address)


def test_the_allow_list_knows_names_addresses_and_networks():
    allow = AllowList(["Hooks.Internal.", "10.1.2.3", "192.168.0.0/16", "[::1]", "fd00::/8"])
    assert allow.has_name("hooks.internal")
    assert allow.has_name("HOOKS.INTERNAL.")
    assert not allow.has_name("x.hooks.internal")
    for address in ("10.1.2.3", "192.168.9.9", "::1", "fd00::5", "::ffff:10.1.2.3"):
        assert allow.has_address(address), address
        assert allow.has(address)
    for address in ("10.1.2.4", "127.0.0.1", "fe80::1", "hooks.internal"):
        assert not allow.has_address(address), address
    for entry in ("", "a b", "10.0.0.1/8", "http://a", "*.internal", "127.1", "-a"):
        with pytest.raises(ValueError):
            AllowList([entry])


def test_a_resolved_address_is_checked_for_its_host():
    allow = AllowList(["hooks.internal", "10.1.2.3"])
    assert check_address("8.8.8.8", "a.example") == ""
    assert check_address("10.1.2.3", "a.example", allow) == ""
    assert check_address("127.0.0.1", "hooks.internal", allow) == ""
    refusal = check_address("10.9.9.9", "a.example", allow)
    assert refusal == "a.example leads to an address that is private"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/x?y#z", Target("https", "a.example", 443)),
        ("HTTPS://A.Example.:8443/", Target("https", "a.example", 8443)),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443)),
        ("https://[2606:4700::1111]/", Target("https", "2606:4700::1111", 443)),
        ("https://xn--bcher-kva.example", Target("https", "xn--bcher-kva.example", 443)),
        ("https://a_b.example", Target("https", "a_b.example", 443)),
        ("http://hooks.internal:9000/", Target("http", "hooks.internal", 9000)),
        ("http://10.1.2.3", Target("http", "10.1.2.3", 80)),
        ("https://[::1]:1/", Target("https", "::1", 1)),
    ],
)
def test_good_urls_lead_where_they_say(url, target):
    assert check_url(url, AllowList(["hooks.internal", "10.1.2.3", "::1"])) == target


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://a.example/", "https"),
        ("ftp://a.example/", "https://"),
        ("//a.example/", "https://"),
        ("a.example", "https://"),
        ("https:///x", "host"),
        ("https://u@a.example/", "user"),
        ("https://u:p@a.example/", "user"),
        ("https://@a.example/", "user"),
        ("https://a.example:22/", "port"),
        ("https://a.example:0/", "port"),
        ("https://a.example:99999/", "URL"),
        ("https://a.example:x/", "URL"),
        ("https://127.0.0.1/", "loopback"),
        ("https://[::ffff:169.254.169.254]/", "link-local"),
        ("https://[64:ff9b::7f00:1]/", "NAT64"),
        ("https://[fe80::1%25eth0]/", "link-local"),
        ("https://[::1/", "URL"),
        ("https://2130706433/", "host"),
        ("https://127.1/", "host"),
        ("https://0x7f.0.0.1/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://a.example\\@127.0.0.1/", "backslash"),
        ("https://a.example /", "blank"),
        ("https://a.example\n/", "blank"),
        ("\thttps://a.example/", "blank"),
        ("https://\uff11\uff12\uff17.0.0.1/", "ASCII"),
        ("https://b\u00fccher.example/", "ASCII"),
        ("https://a..example/", "host"),
        ("https://-a.example/", "host"),
        ("https://" + "a." * 130 + "example/", "host"),
    ],
)
def test_other_urls_are_refused_with_a_reason(url, why):
    answer = check_url(url)
    assert isinstance(answer, str)
    assert why in answer


def test_host_names():
    for good in ("a", "localhost", "a-b.c", "a1.b2", "xn--p1ai", "A.B."):
        assert is_host_name(good), good
    for bad in ("", ".", "a..b", "1", "1.2.3.4", "a.1", "0x1f", "a.0x1", "a:b", "a/b", "é", "a" * 64, "-a", "a-"):
        assert not is_host_name(bad), bad
