"""Results are posted to the world outside alone, and to the address that was checked."""

import ipaddress
import socket
from typing import Any

import pytest

from opperweb import outgoing
from opperweb.addresses import is_public
from opperweb.outgoing import AddressRefused, check_url

INSIDE = [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_not_public_whatever_their_form(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_addresses_outside_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "https://", "example.org", "https://user:word@example.org/", "http://127.0.0.1/",
        "http://[::1]:80/", "http://localhost:8000/", "http://a.localhost/", "http://example.org:99999/",
        "http://exämple.org/", "http://example.org/a b", "http://169.254.169.254/latest/", "http://example.org:0/",
        "http://2130706433/", "http://0x7f.1/", "http://[::7f00:1]/",
    ],
)  # fmt: skip
def test_what_can_be_told_from_the_address_alone_is_refused_at_once(url: str, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = frozenset()
    with pytest.raises(AddressRefused):
        check_url(url)


def test_a_host_of_ones_own_can_be_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = frozenset({"127.0.0.1:9000"})
    check_url("http://127.0.0.1:9000/hook")
    with pytest.raises(AddressRefused):
        check_url("http://127.0.0.1:9001/hook")


async def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = frozenset()

    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.7")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AddressRefused, match="no address of the world outside"):
        await outgoing.post("https://rebinding.example/", headers={}, body=b"{}")


async def test_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AddressRefused, match="not known"):
        await outgoing.post("https://nowhere.example/", headers={}, body=b"{}")
