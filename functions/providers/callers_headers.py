"""Headers that a caller adds to a request, beside those that are ours."""

from __future__ import annotations

from collections.abc import Mapping

# The connection is the transport's; the body is always JSON.
NOT_TAKEN = frozenset({
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "accept-encoding",
    "te", "upgrade", "expect", "trailer", "keep-alive", "proxy-authorization", "proxy-connection",
})  # fmt: skip


def with_callers_headers(ours: Mapping[str, str], callers: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """Return our headers with the caller's over them, names in small letters."""
    headers = dict(ours)
    for name, value in callers.items():
        if name.lower() in NOT_TAKEN:
            notes.append(f"the header {name} was not sent: the connection is not the caller's")
        else:
            headers[name.lower()] = value
    return headers
