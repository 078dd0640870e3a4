"""Redis as broker: Kombu's, and a worker that comes back to it however busy it was when Redis went away."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Kombu's own keeps a message for running whose end Redis could not be told.

    With as many of those as a worker takes at once it would take no other ever again, nor look whether Redis is there.
    """

    def ack(self, delivery_tag: Any) -> None:
        try:
            self._remove_from_indices(delivery_tag).execute()  # type: ignore[no-untyped-call]
        finally:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    """What Celery is told in `broker_url`."""

    Channel = Channel
