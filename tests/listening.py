"""A real server on loopback, in a thread of the tests' process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from opperweb import database


class _Server(uvicorn.Server):
    """Tells when it listens, so that nobody has to look again and again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextlib.contextmanager
def listening_server() -> Iterator[str]:
    """Serve the application at the address that is given."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(
        # Without its lifespan, which would begin a heartbeat outside of any test.
        uvicorn.Config("opperweb.asgi:application", lifespan="off", ws="none", log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="server", daemon=True)
    thread.start()
    assert server.listens.wait(20), "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        database.close()
        listener.close()
