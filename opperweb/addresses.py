"""Addresses of machines: which are of the world outside, and which no server can have that somebody means to reach.

Knows every form that one is written in: 2852039166, 0xa9fea9fe and ::ffff:169.254.169.254 are all 169.254.169.254.
"""

from __future__ import annotations

import ipaddress
import socket
import unicodedata

NAT64 = ipaddress.ip_network("64:ff9b::/96")
# How IPv4 was once written in IPv6; below 2¹⁶ stand :: and ::1, which are addresses of their own.
COMPATIBLE = ipaddress.ip_network("::/96")
# Where a cloud tells a machine its secrets, besides the link-local ones.
METADATA = ipaddress.ip_address("fd00:ec2::254")
# What counts as a dot in a name, besides the dot.
DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the world outside, whatever form it is dressed in."""
    address = plain(address)
    return address.is_global and not address.is_multicast


def why_no_server(address: Address) -> str:
    """Return what an address is that no server of one's own can have; empty for loopback, private and public ones."""
    inner = plain(address)
    if inner.is_unspecified:
        return "an unspecified address; 127.0.0.1 is this machine"
    if inner.is_link_local:
        return "a link-local address, where clouds keep the secrets of a machine"
    if inner == METADATA:
        return "an address where clouds keep the secrets of a machine"
    return "a multicast address" if inner.is_multicast else ""


def literal(host: str) -> Address | None:
    """Return the address that a host is written as, in any notation that a system reads; None for a name."""
    host = unicodedata.normalize("NFKC", host.translate(DOTS)).rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    # What stands behind a blank would be left out.
    if not host or any(sign.isspace() for sign in host):
        return None
    try:
        # Decimal, octal and hexadecimal, in one to four parts.
        return ipaddress.ip_address(socket.inet_aton(host))
    except (OSError, UnicodeError, ValueError):
        return None


def plain(address: Address) -> Address:
    """Return the IPv4 address that is dressed as one of IPv6; any other as it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    is_dressed = address in NAT64 or (address in COMPATIBLE and int(address) >= 1 << 16)
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if inner is None and is_dressed else inner or address
