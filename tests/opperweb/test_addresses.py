"""Every notation of an address is that address."""

import ipaddress

import pytest

from opperweb.addresses import literal, why_no_server

METADATA = [
    "169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376",
    "169.254.43518", "169.16689662", "169。254。169。254", "１６９.254.169.254", "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe", "::169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",
]  # fmt: skip
OTHERS = [
    "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1", "fd00:ec2::254", "224.0.0.1", "239.255.255.250", "ff02::1",
    "0.0.0.0", "0", "0x0", "::", "::ffff:0.0.0.0",
]  # fmt: skip
FINE = [
    "127.0.0.1", "127.1", "2130706433", "::1", "10.0.0.7", "172.16.0.1", "192.168.1.20", "100.64.0.1", "fd12::1",
    "::ffff:192.168.1.20", "93.184.216.34", "2606:2800:220:1::1",
]  # fmt: skip


@pytest.mark.parametrize("host", [*METADATA, *OTHERS])
def test_link_local_multicast_and_unspecified_addresses_are_no_servers_however_written(host: str) -> None:
    address = literal(host)
    assert address is not None
    assert why_no_server(address)


@pytest.mark.parametrize("host", FINE)
def test_this_machine_private_networks_and_the_world_may_have_servers(host: str) -> None:
    address = literal(host)
    assert address is not None
    assert why_no_server(address) == ""


@pytest.mark.parametrize(
    "host", ["", "localhost", "ollama", "example.org", "1.2.3.4.5", "169.254.169.254 x", "ü", "256"]
)
def test_a_name_is_no_address(host: str) -> None:
    assert literal(host) in (None, ipaddress.ip_address("0.0.1.0"))
