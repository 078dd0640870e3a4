"""How many schemas of a corpus each dialect takes, and how many of their values come back as they were sent.

The corpus is a file of JSON lines, gzipped or not: {"name", "schema", "valid": [values], "invalid": [values]}.
"""

import argparse
import gzip
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from functions.schemas.dialects import NotExpressible, Wire, to_dialect
from functions.schemas.limits import broken_rules
from functions.schemas.validator import InvalidSchema, Validator
from opperweb import json

BARS = {"openai": True, "anthropic": True, "gemini": True, "grammar": False}
LEAST_ACCEPTED, LEAST_ROUND_TRIPS, LEAST_LABELS = 99.5, 99.9, 99.5


@dataclass
class Row:
    """What was counted for one dialect."""

    schemas: int = 0
    accepted: int = 0
    exceptions: int = 0
    thinned: int = 0
    values: int = 0
    round_trips: int = 0
    labels: int = 0
    agreed: int = 0
    slowest_ms: float = 0.0
    misses: list[str] = field(default_factory=list)

    def is_good(self) -> bool:
        return (
            self.exceptions == 0
            and self.schemas > 0
            and percent(self.accepted, self.schemas) >= LEAST_ACCEPTED
            and percent(self.round_trips, self.values) >= LEAST_ROUND_TRIPS
            and percent(self.agreed, self.labels) >= LEAST_LABELS
        )


def main() -> int:
    options = read_options()
    entries = list(read_corpus(options.corpus, options.limit))
    started = time.perf_counter()
    rows = {dialect: Row() for dialect in BARS}
    for entry in entries:
        for dialect, row in rows.items():
            try:
                measure(entry, dialect, row)
            except Exception:
                row.exceptions += 1
                row.misses.append(f"0 {entry['name']}: {traceback.format_exc().strip().splitlines()[-1]}")
    print_table(rows)
    print_misses(rows, options.misses)
    met = all(row.is_good() for dialect, row in rows.items() if BARS[dialect])
    print(
        f"\n{len(entries)} schemas in {time.perf_counter() - started:.0f} s.",
        "All bars are met." if met else "NOT met.",
    )
    return 0 if met else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="JSON lines, gzipped or not")
    parser.add_argument("--limit", type=int, default=0, help="so many schemas, spread over the corpus")
    parser.add_argument("--misses", type=int, default=10, help="so many misses are named for each dialect")
    return parser.parse_args()


def read_corpus(path: Path, limit: int) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    lines = [line for line in text.splitlines() if line.strip()]
    step = max(1, len(lines) // limit) if limit else 1
    for line in lines[::step][: limit or None]:
        yield json.loads(line)


def measure(entry: dict[str, Any], dialect: str, row: Row) -> None:
    row.schemas += 1
    validator = labels_agreed(entry, row)
    started = time.perf_counter()
    try:
        wire = to_dialect(entry["schema"], dialect)
    except NotExpressible as reason:
        row.misses.append(f"1 {entry['name']}: not accepted: {reason}")
        return
    finally:
        row.slowest_ms = max(row.slowest_ms, (time.perf_counter() - started) * 1000)
    if broken := broken_rules(wire.schema, dialect):
        row.misses.append(f"1 {entry['name']}: not accepted: {broken[0]}")
        return
    row.accepted += 1
    row.thinned += wire.is_thinned
    if validator is not None:
        come_back(entry, wire, validator, row)


def labels_agreed(entry: dict[str, Any], row: Row) -> Validator | None:
    """Count the labels of one schema; a schema that cannot be used agrees with none of them."""
    labelled = [(value, True) for value in entry["valid"]] + [(value, False) for value in entry["invalid"]]
    row.labels += len(labelled)
    try:
        validator = Validator(entry["schema"])
    except InvalidSchema as reason:
        row.misses.append(f"2 {entry['name']}: cannot be used: {reason.message}")
        return None
    for value, is_valid in labelled:
        problems = validator.problems(value)
        row.agreed += is_valid is not bool(problems)
        if is_valid is bool(problems):
            said = problems[0].sentence if problems else "has no problems"
            row.misses.append(f"2 {entry['name']}: labelled {'valid' if is_valid else 'invalid'}: {said}")
    return validator


def come_back(entry: dict[str, Any], wire: Wire, validator: Validator, row: Row) -> None:
    for value in entry["valid"]:
        if validator.problems(value):
            continue
        row.values += 1
        problems = validator.problems(wire.codec.decode(wire.codec.encode(value)))
        row.round_trips += not problems
        if problems:
            row.misses.append(f"1 {entry['name']}: did not come back: {problems[0].sentence}")


def percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


def print_table(rows: dict[str, Row]) -> None:
    print(
        f"{'dialect':10}{'schemas':>9}{'accepted %':>12}{'exceptions':>12}{'values':>8}{'round trips %':>15}"
        f"{'labels agreed %':>17}{'in words %':>12}{'slowest ms':>12}"
    )
    for dialect, row in rows.items():
        print(
            f"{dialect:10}{row.schemas:>9,}{percent(row.accepted, row.schemas):>12.2f}{row.exceptions:>12}"
            f"{row.values:>8,}{percent(row.round_trips, row.values):>15.2f}{percent(row.agreed, row.labels):>17.2f}"
            f"{percent(row.thinned, row.schemas):>12.1f}{row.slowest_ms:>12.0f}"
        )
    print(
        f"{'at least':10}{'':>9}{LEAST_ACCEPTED:>12.2f}{0:>12}{'':>8}{LEAST_ROUND_TRIPS:>15.2f}{LEAST_LABELS:>17.2f}"
        "   for openai, anthropic and gemini"
    )


def print_misses(rows: dict[str, Row], most: int) -> None:
    # What the labels disagree about is the same for all dialects: told once.
    for dialect, row in rows.items():
        misses = sorted(miss for miss in row.misses if not miss.startswith("2"))
        if misses:
            print(f"\n{dialect}: {len(misses)} misses")
        for miss in misses[:most]:
            print(f"  {miss[2:302]}")
    labels = sorted(miss for miss in next(iter(rows.values())).misses if miss.startswith("2"))
    if labels:
        print(f"\nlabels: {len(labels)} schemas or values")
    for miss in labels[:most]:
        print(f"  {miss[2:302]}")


if __name__ == "__main__":
    sys.exit(main())
