"""Who may import whom: read from the sources, not from memory."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("opperweb", "traces", "functions")

# From left to right: a module imports from its own group and from groups to its left, never from one to its right.
LEAVES = {
    "env",
    "ids",
    "addresses",
    "json",
    "fields",
    "secret_files",
    "static_files",
    "database",
    "loop",
    "watch",
    "absence",
    "cache",
    "outgoing",
    "logging",
    "providers_setting",
    "refusals",
    "hot_path",
    # Leaves inside rooms that are otherwise further right.
    "api.errors",
    "pages.display",
    "pages.snippets",
}
OPPERWEB = (LEAVES, {"accounts", "processes"}, {"api", "pages"})
TRACES = (
    {"kinds", "tags", "tree", "media", "preview"},
    {"querysets", "otlp.decoder"},
    {"usage_models", "evaluation_models"},
    {"models"},
    {"search", "totals"},
    {"filters", "recording", "drafts", "ingest", "analytics", "retention"},
    {"otlp.conventions"},
    {"jobs"},
    {"api", "pages", "admin", "templatetags"},
)
FUNCTIONS = (
    {"task", "schemas", "providers", "merging", "examples.files", "examples.columns"},
    {"prompts"},
    {"models"},
    {"evaluations.rubric", "evaluations.rules", "evaluations.agreement"},
    {"completions", "kept"},
    {"few_shot"},
    {"examples.dataset"},
    {"revising"},
    {"evaluations.policy", "evaluations.queue", "evaluations.sampling"},
    {"definitions", "feedback", "examples.imports"},
    {"drafts"},
    {"offers", "webhooks"},
    {"model_names", "provider_test", "repricing"},
    {"progress", "ledger", "figures"},
    {"opening"},
    {"calls", "samples"},
    {"evaluations", "review"},
    {"batches", "playground"},
    {"review"},
    {"trials"},
    {"replays"},
    {"test_runs"},
    {"orphans"},
    {"jobs"},
    {"api", "pages", "admin", "templatetags"},
)
# They start things and know everybody; nobody imports them.
DOORS = {
    "opperweb.urls",
    "opperweb.settings",
    "opperweb.celery",
    "opperweb.asgi",
    "opperweb.health",
    "opperweb.startup",
    "opperweb.supervisor",
    "opperweb.tree",
    "opperweb.worker",
    "opperweb.apps",
    "opperweb.management",
    "opperweb.queue_folder",
    "opperweb.queue_redis",
}
# These can be read, tested and reused without a database and without Django.
PURE = (
    "functions.task",
    "functions.schemas",
    "functions.providers",
    "functions.prompts",
    "traces.tags",
    "traces.tree",
    "traces.otlp",
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "services", "managers", "mixins", "misc", "signals"}


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    line: int
    is_for_types: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if _is_source(path)]


def _is_source(path: Path) -> bool:
    return "migrations" not in path.parts


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in sources()}


def imports() -> Iterator[Import]:
    for path in sources():
        importer = module_of(path)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for_types = set(_under_type_checking(tree))
        for node in ast.walk(tree):
            for name in _names(node, importer, path):
                yield Import(importer, name, getattr(node, "lineno", 0), node in for_types)


def _under_type_checking(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.body:
                yield from ast.walk(child)


def _names(node: ast.AST, importer: str, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = importer.split(".") if path.name == "__init__.py" else importer.split(".")[:-1]
            base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            yield whole if whole in MODULES else base


def is_within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def is_door(module: str) -> bool:
    return any(is_within(module, door) for door in DOORS) or ".management" in module or module.endswith(".apps")


def rank(module: str, rooms: tuple[set[str], ...], package: str) -> int | None:
    for number, group in enumerate(rooms):
        if any(is_within(module, f"{package}.{room}") for room in group):
            return number
    return None


ALL = list(imports())


def broken(rule: Iterator[Import]) -> str:
    return "\n".join(map(str, rule))


def test_functions_imports_traces_and_never_back():
    assert not broken(i for i in ALL if is_within(i.importer, "traces") and is_within(i.imported, "functions"))


def test_what_both_apps_share_knows_neither_of_them():
    assert not broken(
        i
        for i in ALL
        if is_within(i.importer, "opperweb")
        and not is_door(i.importer)
        and (is_within(i.imported, "traces") or is_within(i.imported, "functions"))
    )


def test_nobody_imports_a_door():
    assert not broken(i for i in ALL if not is_door(i.importer) and any(is_within(i.imported, d) for d in DOORS))


@pytest.mark.parametrize(
    ("package", "rooms"), [("opperweb", OPPERWEB), ("traces", TRACES), ("functions", FUNCTIONS)], ids=PACKAGES
)
def test_inside_an_app_no_arrow_turns_round(package, rooms):
    wrong = []
    for i in ALL:
        here, there = rank(i.importer, rooms, package), rank(i.imported, rooms, package)
        if here is not None and there is not None and there > here and not i.is_for_types:
            wrong.append(i)
    assert not broken(iter(wrong))


@pytest.mark.parametrize(
    ("package", "rooms"), [("opperweb", OPPERWEB), ("traces", TRACES), ("functions", FUNCTIONS)], ids=PACKAGES
)
def test_every_module_has_a_room(package, rooms):
    homeless = [
        module
        for module in sorted(MODULES)
        if is_within(module, package)
        and module != package
        and not is_door(module)
        and rank(module, rooms, package) is None
        and any((ROOT / module.replace(".", "/")).with_suffix(suffix).exists() for suffix in (".py",))
    ]
    assert homeless == []


def test_accounts_and_processes_do_not_know_each_other():
    pair = ("opperweb.accounts", "opperweb.processes")
    assert not broken(
        i for i in ALL for a, b in (pair, pair[::-1]) if is_within(i.importer, a) and is_within(i.imported, b)
    )


def test_pure_modules_know_neither_django_nor_the_database():
    strangers = ("django", "rest_framework", "opperweb.database", "opperweb.fields", "opperweb.settings")
    assert not broken(
        i
        for i in ALL
        if any(is_within(i.importer, room) for room in PURE)
        and any(is_within(i.imported, stranger) for stranger in strangers)
    )


def test_no_pure_module_imports_one_that_is_not():
    assert not broken(
        i
        for i in ALL
        if any(is_within(i.importer, room) for room in PURE)
        and i.imported.split(".")[0] in ("traces", "functions")
        and not any(is_within(i.imported, room) for room in PURE)
        and i.imported not in PACKAGES
    )


def test_no_import_stands_inside_a_function():
    inside = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inside += [
                    f"{module_of(path)}:{child.lineno}"
                    for child in ast.walk(node)
                    if isinstance(child, ast.Import | ast.ImportFrom)
                ]
    assert inside == []


def test_every_module_is_named_after_what_it_knows():
    assert [str(p.relative_to(ROOT)) for p in sources() if FORBIDDEN_NAMES & {*p.parts, p.stem}] == []


def test_every_module_opens_with_a_sentence():
    silent = []
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not ast.get_docstring(tree) and path.name not in ("__init__.py", "apps.py"):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []
