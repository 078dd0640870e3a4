"""The steps of a codec lead to the wire and back, and never stumble over an answer in another shape."""

import pytest

from functions.schemas.codec import KEEP, AtMostOne, Codec, Entries, Field, Fields, Items, JsonText, Tuple, Wrapped
from functions.schemas.places import keeps_paths
from functions.schemas.unions import Branch, Forms, Union

NUMBER = Branch(KEEP, lambda value: isinstance(value, int), lambda value: isinstance(value, int))
TEXT = Branch(JsonText(), lambda value: isinstance(value, str), lambda value: isinstance(value, list))
LISTED = Fields({"a": Field(KEEP, "list"), "b": Field(KEEP, "gone"), "c": Field(KEEP, "null")})


@pytest.mark.parametrize(
    ("step", "value", "wire"),
    [
        (AtMostOne(JsonText()), None, []),
        (AtMostOne(JsonText()), {"x": 1}, ['{"x":1}']),
        (LISTED, {}, {"a": [], "c": None}),
        (LISTED, {"a": 1, "b": 2, "c": 3}, {"a": [1], "b": 2, "c": 3}),
        (LISTED, {"a": []}, {"a": [[]], "c": None}),
        (Forms(["form_1", "form_2"], Union([NUMBER, TEXT])), 3, {"form_1": [3], "form_2": []}),
        (Forms(["form_1", "form_2"], Union([NUMBER, TEXT])), [1], {"form_1": [], "form_2": ["[1]"]}),
        (Wrapped(Items(Entries(KEEP))), [{"k": 1}], {"value": [[{"key": "k", "value": 1}]]}),
        (Tuple([KEEP, JsonText()]), [1, [2]], [1, "[2]"]),
    ],
)
def test_a_step_leads_there_and_back(step, value, wire):
    codec = Codec(step)
    assert codec.encode(value) == wire
    assert codec.decode(wire) == value


@pytest.mark.parametrize("answer", [None, 3, "x", [], [1, 2], {"form_1": [1, 2]}, {"form_1": [1], "form_2": ["x"]}])
@pytest.mark.parametrize("step", [AtMostOne(KEEP), Forms(["form_1", "form_2"], Union([NUMBER, TEXT])), Entries(KEEP)])
def test_an_answer_in_another_shape_is_handed_on(step, answer):
    Codec(step).decode(answer)


def test_null_is_kept_where_it_fits_and_dropped_where_only_that_does():
    step = Fields({"a": Field(KEEP, "null", takes_null=True)})
    assert Codec(step, fits=lambda value: "a" in value).decode({"a": None}) == {"a": None}
    assert Codec(step, fits=lambda value: "a" not in value).decode({"a": None}) == {}
    assert Codec(step, fits=lambda value: False).decode({"a": None}) == {"a": None}


@pytest.mark.parametrize(
    ("step", "keeps"),
    [
        (KEEP, True),
        (Items(Fields({"a": Field(KEEP, "null")})), True),
        (Union([NUMBER, Branch(Items(KEEP), bool, bool)]), True),
        (Union([NUMBER, TEXT]), False),
        (LISTED, False),
        (Wrapped(KEEP), False),
        (Items(Entries(KEEP)), False),
    ],
)
def test_a_codec_knows_whether_what_it_leads_back_stays_at_its_place(step, keeps):
    assert keeps_paths(step) is keeps
