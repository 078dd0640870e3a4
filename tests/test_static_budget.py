"""What a page loads stays small: style sheets and our own scripts, as they lie on the disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parent.parent / "static"
MOST_BYTES = 40_000


TEMPLATES = STATIC.parent / "templates"
LINK = re.compile(r"static '(css|js)/([\w/.-]+)'")


def linked(template: Path, seen: set[Path] | None = None) -> set[tuple[str, str]]:
    """Return the files that a template links, with those of the templates it extends and includes."""
    seen = set() if seen is None else seen
    if template in seen:
        return set()
    seen.add(template)
    text = template.read_text(encoding="utf-8")
    files = {(kind, name) for kind, name in LINK.findall(text.replace('"', "'"))}
    for parent in re.findall(r"{% (?:extends|include) [\"']([^\"']+)[\"']", text):
        files |= linked(TEMPLATES / parent, seen)
    return files


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("[!_]*.html")), ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", ["css", "js"])
def test_what_a_page_loads_stays_within_40_kb(kind, template):
    sizes = {name: (STATIC / kind / name).stat().st_size for each, name in linked(template) if each == kind}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_every_style_sheet_is_linked_somewhere():
    everything = {name for template in TEMPLATES.rglob("*.html") for kind, name in linked(template) if kind == "css"}
    assert everything >= {path.name for path in (STATIC / "css").glob("*.css")}


def test_style_sheets_are_written_to_be_read():
    crowded = [
        f"{path.name}:{number}"
        for path in (STATIC / "css").glob("*.css")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 180
    ]
    assert crowded == []
