"""How many calls of rehearsal/echo a running server answers in a second, and how long one takes."""

import argparse
import asyncio
import os
import statistics
import sys
import time

import httpx


async def main() -> None:
    options = read_options()
    limits = httpx.Limits(max_connections=options.at_once, max_keepalive_connections=options.at_once)
    headers = {"Authorization": f"Bearer {options.key}"}
    task = {"name": "bench", "instructions": "Repeat.", "input": "All quiet.", "model": options.model}
    async with httpx.AsyncClient(base_url=options.address, headers=headers, limits=limits, timeout=120) as client:
        durations: list[float] = []
        left = iter(range(options.count))

        async def caller() -> None:
            for _ in left:
                started = time.perf_counter()
                response = await client.post("/v2/call", json=task)
                durations.append((time.perf_counter() - started) * 1000)
                if response.status_code != 200:
                    sys.exit(f"{response.status_code}: {response.text[:300]}")

        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(options.at_once)))
        seconds = time.perf_counter() - started
    durations.sort()
    print(f"{options.count} calls, {options.at_once} at once: {options.count / seconds:.0f} a second")
    within = durations[int(len(durations) * 0.99) - 1]
    print(f"median {statistics.median(durations):.1f} ms, 99 % within {within:.1f} ms")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("OPPER_API_KEY", ""))
    parser.add_argument("--model", default="rehearsal/echo")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
