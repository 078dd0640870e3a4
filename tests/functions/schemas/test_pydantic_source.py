"""Pasted text becomes the schema that Pydantic would print; source is never run; what is not understood has a line."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from functions.schemas.pydantic_source import SourceError, schema_from
from opperweb import json

SOURCE = '''
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, Optional
from datetime import date, datetime
from pydantic import BaseModel, ConfigDict, Field, field_validator

Names = list[str]

class Level(str, Enum):
    """How hard it is."""
    LOW = "low"
    HIGH = "high"

class Source(BaseModel):
    """Where it is from.

    Word by word.
    """
    fact: int = Field(ge=0, description="Position of the fact")
    quote: Optional[str] = None
    seen_at: datetime
    day: date | None = None

class Unused(BaseModel):
    a: int

class KBQueryOutput(BaseModel):
    model_config = ConfigDict(extra="forbid")
    counter: ClassVar[int] = 0
    _private: int = 1

    thoughts: str = Field(description="Step by step", min_length=1, max_length=2000)
    answer: str = Field(..., pattern="^The answer")
    level: Level = Level.LOW
    mood: Literal["good", "bad"]
    names: Names = Field(default_factory=list, max_length=3)
    sources: list[Source]
    best: "Source | None" = Field(default=None, description="The best of them")
    others: dict[str, Any]
    pair: tuple[int, str]
    anything: Any = None
    score: Annotated[float, Field(gt=0, le=1)]
    flags: set[bool] = set()
    either: int | str

    @field_validator("answer")
    def check(cls, value):
        return value
'''
EXPECTED = {
    "$defs": {
        "Level": {"description": "How hard it is.", "enum": ["low", "high"], "title": "Level", "type": "string"},
        "Source": {
            "description": "Where it is from.\n\nWord by word.",
            "properties": {
                "fact": {"description": "Position of the fact", "minimum": 0, "title": "Fact", "type": "integer"},
                "quote": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Quote"},
                "seen_at": {"format": "date-time", "title": "Seen At", "type": "string"},
                "day": {
                    "anyOf": [{"format": "date", "type": "string"}, {"type": "null"}], "default": None, "title": "Day"
                },
            },
            "required": ["fact", "seen_at"],
            "title": "Source",
            "type": "object",
        },
    },
    "additionalProperties": False,
    "properties": {
        "thoughts": {
            "description": "Step by step", "maxLength": 2000, "minLength": 1, "title": "Thoughts", "type": "string"
        },
        "answer": {"pattern": "^The answer", "title": "Answer", "type": "string"},
        "level": {"$ref": "#/$defs/Level", "default": "low"},
        "mood": {"enum": ["good", "bad"], "title": "Mood", "type": "string"},
        "names": {"items": {"type": "string"}, "maxItems": 3, "title": "Names", "type": "array"},
        "sources": {"items": {"$ref": "#/$defs/Source"}, "title": "Sources", "type": "array"},
        "best": {
            "anyOf": [{"$ref": "#/$defs/Source"}, {"type": "null"}], "default": None, "description": "The best of them"
        },
        "others": {"additionalProperties": True, "title": "Others", "type": "object"},
        "pair": {
            "maxItems": 2, "minItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}], "title": "Pair",
            "type": "array",
        },
        "anything": {"default": None, "title": "Anything"},
        "score": {"exclusiveMinimum": 0, "maximum": 1, "title": "Score", "type": "number"},
        "flags": {"default": [], "items": {"type": "boolean"}, "title": "Flags", "type": "array", "uniqueItems": True},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}], "title": "Either"},
    },
    "required": ["thoughts", "answer", "mood", "sources", "others", "pair", "score", "either"],
    "title": "KBQueryOutput",
    "type": "object",
}  # fmt: skip


def test_classes_become_the_schema_that_pydantic_prints():
    schema = schema_from(SOURCE)
    assert schema == EXPECTED
    assert list(schema["properties"]) == list(EXPECTED["properties"])


PIECES = """\
class A(BaseModel):
    kids: list['A'] = []
---
class B(Enum):
    X = auto()
    Y = auto()
class A(BaseModel):
    b: B
    c: Literal[B.X]
    d: dict[B, int]
---
class B(BaseModel):
    '''Base.'''
    x: int
class A(B):
    x: str
    y: Optional[B] = Field(None, title='Why')
---
class A(BaseModel):
    a: Optional[int] = Field(None, ge=1, lt=9)
    b: List[Annotated[str, Field(min_length=2)]]
---
class A(BaseModel):
    a: int = Field(3, alias='theA', examples=[1], json_schema_extra={'x': 1})
    b: float = -1
---
class A(BaseModel):
    a: Union[int, List[str], None]
    b: Literal[1, 'x']
    c: Literal['x']
    d: Tuple[int, ...]
---
class S(StrEnum):
    LOW = auto()
class N(IntEnum):
    X = 1
class A(BaseModel):
    s: S = S.LOW
    n: N | None = None
---
class A(BaseModel):
    t: time
    d: timedelta
    u: UUID
    b: bytes
    p: PositiveInt
    o: dict
    l: list
---
class A(BaseModel):
    a: Dict[Literal['x', 'y'], float] = {}
    b: frozenset[str] = Field(min_length=1)
    c: None
"""


@pytest.mark.parametrize("source", PIECES.split("---\n"))
def test_what_is_understood_is_what_pydantic_makes_of_it(source, monkeypatch):
    pytest.importorskip("pydantic")
    lines = [
        "from pydantic import *",
        "from typing import *",
        "from enum import *",
        "from datetime import *",
        "from uuid import UUID",
    ]
    module = ModuleType("pasted_models")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("\n".join([*lines, source]), module.__dict__)
    assert schema_from(source) == module.A.model_json_schema()


def test_a_printed_schema_is_taken_as_json_and_as_python_prints_it():
    assert schema_from(json.dumps(EXPECTED)) == EXPECTED
    assert schema_from(f"  {EXPECTED!r}\n") == EXPECTED


def test_a_schema_inside_of_a_request_is_found():
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert schema_from(json.dumps({"name": "x", "strict": True, "schema": inner})) == inner
    assert schema_from(json.dumps({"type": "json_schema", "json_schema": {"name": "x", "schema": inner}})) == inner
    named = {"type": "object", "properties": {"schema": {"type": "string"}}}
    assert schema_from(json.dumps(named)) == named


def test_source_may_be_indented_and_is_never_run():
    source = """
        import os
        os.remove("/nowhere/at/all")
        raise SystemExit
        class A(BaseModel):
            a: int
    """
    assert schema_from(source)["properties"] == {"a": {"type": "integer", "title": "A"}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "no text"),
        ("hello there", None, "neither JSON nor a class"),
        ('{"type": "object",\n "properties": }', 2, "Not JSON"),
        ("[1, 2]", None, "in curly brackets"),
        ('{"type": "poem"}', None, "type: must be"),
        ("class A(BaseModel):\n    a: int =\n", 2, "Not Python"),
        ("class A(BaseModel):\n    a: Thing\n", 2, "Thing is not known"),
        ("class A(BaseModel):\n    a: int\n    b: List[Callable[[], int]]\n", 3, "Callable"),
        ("class A(BaseModel):\n    a: int = make()\n", 2, "make() is not understood"),
        ("class A(BaseModel):\n    a = 5\n", 2, "a has no type"),
        ("class A(BaseModel):\n    a: int = Field(max_length=3)\n", 2, "max_length does not go"),
        ("class A(BaseModel):\n    a: int = Field(magic=3)\n", 2, "argument magic"),
        ("class A(Other):\n    a: int\n", 1, "No class is a BaseModel"),
        ("class A(Other, BaseModel):\n    a: int\n", 1, "Other, which is not known"),
        ("class A(BaseModel, Generic[T]):\n    a: T\n", 1, "Generic[T], which is not known"),
        ("A = list[A]\nclass B(BaseModel):\n    a: A\n", 1, "A stands for itself"),
        ("class E:\n    pass\nclass A(BaseModel):\n    a: E\n", 4, "neither a BaseModel nor an Enum"),
        ("class E(Enum):\n    pass\nclass A(BaseModel):\n    a: E\n", 1, "at least one option"),
        ("class E(Enum):\n    X = make()\nclass A(BaseModel):\n    a: E\n", 2, "E.X is not understood"),
        ("class A(BaseModel):\n    a: 'list['\n", 2, "is not understood"),
        ("class A(A, BaseModel):\n    a: int = 1j\n", 2, "1j"),
        ("class A(BaseModel):\n    a: " + "list[" * 5000 + "int" + "]" * 5000, None, ""),
        ("{" * 100_000, None, ""),
        ("{'a': " * 5000, None, ""),
        ("class A(BaseModel):\n    a: int\0", None, "Not Python"),
        ("x" * 600_000, None, "longer than"),
    ],
)
def test_what_is_not_understood_is_said_with_its_line(text, line, words):
    with pytest.raises(SourceError) as found:
        schema_from(text)
    assert words in found.value.message
    if line is not None:
        assert found.value.line == line
