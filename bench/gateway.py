"""What a call costs beyond the model: CPU, calls a second, bursts, memory, time to first word; beside LiteLLM's proxy.

    ./run bench gateway                        SQLite, in a folder of its own
    ./run bench gateway --litellm              the same load on LiteLLM's proxy (installed in an environment of its own)
    DATABASE_URL=… REDIS_URL=… ./run bench gateway     PostgreSQL and Redis; use an empty database

The upstream is a server on loopback that answers after 20 ms. CPU is that of the web process, from /proc, while calls
run; everything is recorded as always. The figures to reach: 4 ms CPU a call and a third of LiteLLM's, 250 calls a
second and core at 64 at once, 500 calls of 1 s at once within 2.5 s, under 2 MB more memory over 10,000 calls, under
10 ms more to the first word at 16 at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _load import Outcome, load

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk-bench-0123456789abcdefghijklmnopqrstuvwxyz"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Gateway:
    """Something that stands between a caller and the upstream."""

    name: str
    address: str
    pid: int
    path: str
    stream_path: str
    key: str

    def body(self, model: str, *, stream: bool = False) -> bytes:
        if self.name == "opperweb":
            return json.dumps(
                {"name": "bench", "instructions": "Tell.", "input": "What is new?", "model": f"fake/{model}"}
            ).encode()
        messages = [{"role": "system", "content": "Tell."}, {"role": "user", "content": "What is new?"}]
        return json.dumps({"model": model, "messages": messages, "stream": stream}).encode()

    async def run(self, model: str, *, count: int, at_once: int) -> Outcome:
        return await load(self.address, self.path, self.body(model), key=self.key, count=count, at_once=at_once)

    async def stream(self, model: str, *, count: int, at_once: int) -> Outcome:
        return await load(
            self.address, self.stream_path, self.body(model, stream=True), key=self.key, count=count, at_once=at_once,
            first_word=b"All",
        )  # fmt: skip


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of those it has started."""
    return sum(_cpu(each) for each in _tree(pid))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(
    command: list[str], *, ready: str, env: dict[str, str] | None = None, seconds: float = 120
) -> Iterator[int]:
    """Start a process, wait until its address answers, and end it afterwards."""
    log = tempfile.TemporaryFile()  # noqa: SIM115
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=log, stderr=log)
    try:
        host, _, port = ready.partition(":")
        until = time.monotonic() + seconds
        while True:
            if _answers(host, int(port)):
                break
            if process.poll() is not None or time.monotonic() > until:
                log.seek(0)
                sys.exit(f"{command[0]} did not start:\n{log.read().decode()[-2000:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(host: str, port: int) -> bool:
    """Tell whether somebody behind the port speaks HTTP: a port alone may be open before that."""
    with socket.socket() as sock:
        sock.settimeout(2)
        try:
            sock.connect((host, port))
            sock.sendall(b"POST /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
            return sock.recv(5).startswith(b"HTTP")
        except OSError:
            return False


def web_pid(pid: int) -> int:
    """Return the process of a tree that serves pages and API."""
    for each in _tree(pid):
        if b"manage.py\0web" in Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0\0", b"\0"):
            return each
    return pid


async def measure(gateway: Gateway, options: argparse.Namespace) -> dict[str, float]:
    await gateway.run("m-0", count=300, at_once=8)
    figures: dict[str, float] = {}
    for at_once in (1, 64):
        count = options.count if at_once > 1 else max(100, options.count // 10)
        before, memory = cpu_seconds(gateway.pid), memory_mb(gateway.pid)
        outcome = await gateway.run("m-20", count=count, at_once=at_once)
        spent = cpu_seconds(gateway.pid) - before
        if outcome.failed:
            print(f"  {len(outcome.failed)} failed, the first: {outcome.failed[0]}")
        print(
            f"  {at_once:>3} at once: {outcome.rate:6.0f} calls/s, CPU {spent / count * 1000:5.2f} ms a call, "
            f"{count / spent:5.0f} calls a CPU second, median {outcome.within(0.5):6.1f} ms, "
            f"99 % {outcome.within(0.99):6.1f} ms, memory {memory_mb(gateway.pid) - memory:+.1f} MB over {count} calls"
        )
        figures[f"cpu_ms_{at_once}"] = spent / count * 1000
        figures[f"per_core_{at_once}"] = count / spent
        figures["memory_mb"] = memory_mb(gateway.pid) - memory
    outcome = await gateway.run("m-1000", count=500, at_once=500)
    figures["burst_s"] = outcome.seconds
    print(f"  500 calls of 1 s at once: {outcome.seconds:.2f} s, {len(outcome.failed)} failed")
    direct = await load(
        options.upstream, "/v1/chat/completions",
        json.dumps({"model": "m-20", "stream": True, "messages": []}).encode(), key="x", count=320, at_once=16,
        first_word=b"All",
    )  # fmt: skip
    through = await gateway.stream("m-20", count=320, at_once=16)
    added = through.within(0.5, through.first_word_ms) - direct.within(0.5, direct.first_word_ms)
    figures["first_word_ms"] = added
    print(f"  first word, 16 at once: {added:+.1f} ms in the median")
    if options.long:
        before = memory_mb(gateway.pid)
        await gateway.run("m-0", count=10_000, at_once=64)
        figures["memory_10k_mb"] = memory_mb(gateway.pid) - before
        print(f"  memory over 10,000 more calls: {figures['memory_10k_mb']:+.1f} MB")
    return figures


def litellm_command(port: int, upstream: str) -> list[str]:
    """Install LiteLLM's proxy where it is not yet, and return how to start it."""
    folder = Path(tempfile.gettempdir()) / "opperweb-bench-litellm"
    if not (folder / "bin" / "litellm").exists():
        print("installing LiteLLM's proxy …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", "litellm[proxy]"], check=True)
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": f"{upstream}/v1", "api_key": "x"},
        }
        for name in ("m-0", "m-20", "m-1000")
    ]
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "model_list": models,
                "litellm_settings": {"num_retries": 0, "telemetry": False},
                "general_settings": {"master_key": KEY},
            }
        )
    )
    return [str(folder / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]


def main() -> None:
    options = read_options()
    upstream_port, port = free_port(), free_port()
    options.upstream = f"http://127.0.0.1:{upstream_port}"
    folder = Path(tempfile.mkdtemp(prefix="opperweb-bench-"))
    python = sys.executable
    env = {
        "DATA_DIR": str(folder), "PORT": str(port), "BOOTSTRAP_API_KEY": KEY, "LOG_LEVEL": "warning",
        "OPENAI_COMPATIBLE": f"fake={options.upstream}/v1", "BOOTSTRAP_PASSWORD": "bench-bench-bench",
        "EVALUATION_MODEL": "none",
    }  # fmt: skip
    try:
        with running([python, "bench/_upstream.py", str(upstream_port)], ready=f"127.0.0.1:{upstream_port}"):
            with running([python, "manage.py", "up"], ready=f"127.0.0.1:{port}", env=env) as pid:
                print(f"opperweb on {'PostgreSQL' if os.environ.get('DATABASE_URL') else 'SQLite'}")
                ours = asyncio.run(
                    measure(
                        Gateway(
                            "opperweb", f"http://127.0.0.1:{port}", web_pid(pid), "/v2/call", "/v2/call/stream", KEY
                        ),
                        options,
                    )
                )
            if options.litellm:
                port = free_port()
                with running(litellm_command(port, options.upstream), ready=f"127.0.0.1:{port}") as pid:
                    print("LiteLLM's proxy")
                    path = "/v1/chat/completions"
                    theirs = asyncio.run(
                        measure(Gateway("litellm", f"http://127.0.0.1:{port}", pid, path, path, KEY), options)
                    )
                ratio = ours["cpu_ms_64"] / theirs["cpu_ms_64"]
                print(f"CPU a call at 64 at once, opperweb / LiteLLM: {ratio:.2f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--litellm", action="store_true")
    parser.add_argument("--long", action="store_true", help="10,000 more calls, for the memory")
    return parser.parse_args()


if __name__ == "__main__":
    main()
