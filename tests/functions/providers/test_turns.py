"""A conversation for vendors where the two sides take turns strictly."""

from functions.providers.chat import MediaPart, Message, TextPart
from functions.providers.turns import system_text, turns_of, with_words_before

PICTURE = MediaPart("image", "image/png", "AAAA")


def user(text: str) -> Message:
    return Message.of_text("user", text)


def assistant(text: str) -> Message:
    return Message.of_text("assistant", text)


def test_the_words_above_the_conversation_are_joined_wherever_they_stood():
    messages = (
        Message.of_text("system", "a"),
        user("b"),
        Message.of_text("system", " "),
        Message.of_text("system", "c"),
    )
    assert system_text(messages) == "a\n\nc"
    assert system_text((user("b"),)) == ""


def test_a_conversation_that_takes_turns_stays_as_it_is():
    notes: list[str] = []
    turns = turns_of((Message.of_text("system", "s"), user("a"), assistant("b"), user("c")), notes)
    assert turns == [("user", [TextPart("a")]), ("assistant", [TextPart("b")]), ("user", [TextPart("c")])]
    assert notes == []


def test_neighbours_become_one_turn_and_each_keeps_its_media_before_its_words():
    messages = (Message("user", (TextPart("a"), PICTURE)), Message("user", (TextPart("b"), PICTURE)))
    assert turns_of(messages, []) == [("user", [PICTURE, TextPart("a"), PICTURE, TextPart("b")])]


def test_the_first_and_the_last_turn_are_the_users():
    notes: list[str] = []
    assert turns_of((assistant("a"),), notes) == [
        ("user", [TextPart("Begin.")]),
        ("assistant", [TextPart("a")]),
        ("user", [TextPart("Go on.")]),
    ]
    assert len(notes) == 2
    assert turns_of((), []) == [("user", [TextPart("Begin.")])]


def test_nobody_says_nothing():
    assert turns_of((user(" \n"), assistant(""), Message("user", (TextPart(""), PICTURE))), []) == [
        ("user", [TextPart("(nothing)")]),
        ("assistant", [TextPart("(nothing)")]),
        ("user", [PICTURE]),
    ]


def test_words_may_be_put_before_those_of_the_first_turn():
    turns = turns_of((Message("user", (TextPart("a"), PICTURE)), assistant("b"), user("c")), [])
    assert with_words_before(turns, "Be brief.")[0] == ("user", [PICTURE, TextPart("Be brief."), TextPart("a")])
    assert with_words_before(turns, "Be brief.")[1:] == turns[1:]
    assert with_words_before(turns, "") == turns
    assert turns[0] == ("user", [PICTURE, TextPart("a")])
