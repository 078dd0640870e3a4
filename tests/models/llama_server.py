"""llama.cpp's server with a model of random weights: `python -m tests.models.llama_server FOLDER`.

It prints `listening at ADDRESS` once it answers, and ends when its input is closed: it outlives nobody.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import xllamacpp

from tests.models.random_model import CONTEXT, write_model

AT_ONCE = 2


def serve(folder: Path) -> xllamacpp.Server:
    """Write a model into the folder and answer for it on loopback, at a port that is free."""
    path = folder / "random.gguf"
    write_model(path)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_parallel = AT_ONCE
    settings.n_ctx = CONTEXT * AT_ONCE
    settings.cpuparams.n_threads = 1
    settings.use_jinja = True
    settings.ui = False
    return xllamacpp.Server(settings)


if __name__ == "__main__":
    server = serve(Path(sys.argv[1]))
    print(f"listening at {server.listening_address}", flush=True)  # noqa: T201
    sys.stdin.read()
    # Without a farewell: its threads wait for requests that nobody will send.
    os._exit(0)
