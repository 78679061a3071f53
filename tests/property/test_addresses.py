"""An IPv4 address that is denied stays denied however it is wrapped."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from router.addresses import AllowList, Target, check_url, why_denied

octets4 = st.integers(0, 2**32 - 1)
octets6 = st.integers(0, 2**128 - 1)


@given(octets4)
def test_mapped_addresses_are_judged_as_what_they_hold(number):
    plain = IPv4Address(number)
    assert why_denied(str(IPv6Address((0xFFFF << 32) | number))) == why_denied(str(plain))
    if not plain.is_global:
        assert why_denied(str(plain))


@given(octets4, st.sampled_from([0x64FF9B << 96, 0, 0xFFFF << 48]))
def test_addresses_that_hold_others_are_denied(number, prefix):
    assert why_denied(str(IPv6Address(prefix | number)))
    assert why_denied(str(IPv6Address((0x2002 << 112) | (number << 80))))


@given(octets6)
def test_what_python_calls_private_is_never_allowed(number):
    address = IPv6Address(number)
    if address.ipv4_mapped is None and (not address.is_global or address.is_multicast):
        assert why_denied(str(address))


@given(st.text(max_size=60), st.sampled_from(["https://", "http://", "", "https://a.example", "https://[", "https://127.0.0.1"]))
def test_any_text_is_judged_without_an_error(text, start):
    answer = check_url(start + text, AllowList(["127.0.0.1"]))
    assert isinstance(answer, (str, Target))
    if isinstance(answer, Target) and answer.host != "127.0.0.1":
        assert answer.scheme == "https"
        assert answer.port in {443, 8443}
