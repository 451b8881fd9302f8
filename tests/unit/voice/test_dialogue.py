from datetime import timedelta

import pytest

from edge_agent.model.campaign import Creative, Turn
from edge_agent.model.formats import Format
from edge_agent.voice.dialogue import (
    MOST_ANSWERS,
    SPOKEN,
    Answer,
    Command,
    Intent,
    More,
    Nothing,
    NotInterested,
    SendToPhone,
    Stop,
    Wake,
    Why,
    commands_for,
    intent_of,
    phrases_for,
)

WAKE = ("hey device", "good morning")
MENTION = Creative(
    crid="mention",
    format=Format.VOICE_MENTION,
    dur=timedelta(seconds=6),
    transcript="Umbrellas are half price.",
    follow_up="talk",
)
ASKING = MENTION.model_copy(
    update={"transcript": "Umbrellas are half price. “Shall I tell you where?” ", "companion": "qr"}
)
PLAIN = MENTION.model_copy(update={"follow_up": None})
DIALOGUE = Creative(
    crid="talk",
    format=Format.VOICE_DIALOGUE,
    dur=timedelta(seconds=20),
    transcript="Which size?",
    turns=(
        Turn(id="size", say="size.wav", transcript="Which size?", answers={"small": "colour", "stop": "colour"}),
        Turn(id="colour", say="colour.wav", transcript="Which colour?", answers={"Red": "end"}),
    ),
)


def test_nothing_but_wake_phrases_is_listened_for_when_nothing_plays() -> None:
    assert phrases_for(WAKE, "en", None, "") == WAKE


def test_no_wake_phrases_and_nothing_playing_means_nothing_to_listen_for() -> None:
    assert phrases_for((), "en", None, "") == ()


def test_more_is_listened_for_only_when_there_is_more() -> None:
    assert "tell me more" in phrases_for(WAKE, "en", MENTION, "")
    assert "tell me more" not in phrases_for(WAKE, "en", PLAIN, "")


def test_sending_to_a_phone_is_listened_for_only_when_there_is_a_page_to_send() -> None:
    assert "send it to my phone" in phrases_for((), "en", ASKING, "")
    assert "send it to my phone" not in phrases_for((), "en", MENTION, "")


def test_yes_and_no_are_listened_for_only_where_something_was_asked() -> None:
    assert {"yes", "yes please", "no"} <= set(phrases_for((), "en", ASKING, ""))
    assert not {"yes", "no"} & set(phrases_for((), "en", MENTION, ""))
    rhetorical = PLAIN.model_copy(update={"transcript": "Why wait?"})
    assert "yes" not in phrases_for((), "en", rhetorical, ""), "there is nothing that a yes could lead to"


def test_a_turn_that_waits_for_a_yes_takes_any_yes() -> None:
    turn = Turn(id="a", say="a.wav", transcript="More?", answers={"是的": "b", "不要": "end"})
    talk = DIALOGUE.model_copy(update={"turns": (turn, Turn(id="b", say="b.wav", transcript="There."))})
    assert {"是的", "好的", "不要", "不是"} <= set(phrases_for((), "zh", talk, "a"))
    assert intent_of("好的", "zh", talk, "a") == Answer("b")
    assert intent_of("不是", "zh", talk, "a") == Answer("end")


def test_the_very_words_of_an_answer_go_before_any_other_yes() -> None:
    turn = Turn(id="a", say="a.wav", transcript="More?", answers={"yes": "end", "Yes please": "b"})
    talk = DIALOGUE.model_copy(update={"turns": (turn, Turn(id="b", say="b.wav", transcript="There."))})
    assert intent_of("yes please", "en", talk, "a") == Answer("b")


def test_how_a_phrase_is_written_makes_no_difference_to_what_it_means() -> None:
    """The recogniser knows words alone, and gives back the first spelling of those that it was given."""
    turn = Turn(id="a", say="a.wav", transcript="Well?", answers={"Yes, please!": "b", "Tell me more.": "c"})
    others = tuple(Turn(id=id_, say=f"{id_}.wav", transcript="There.") for id_ in ("b", "c"))
    talk = DIALOGUE.model_copy(update={"turns": (turn, *others), "follow_up": "elsewhere"})
    assert "yes" in phrases_for((), "en", talk, "a")
    assert intent_of("yes", "en", talk, "a") == Answer("b")
    assert intent_of("tell me more", "en", talk, "a") == Answer("c")
    assert intent_of("Stop!", "en", MENTION, "", wake_phrases=("Stop!",)) == Stop()
    assert intent_of("停 止", "zh", MENTION, "") == Stop()


def test_an_answer_may_send_the_page_to_the_phone() -> None:
    turn = Turn(id="a", say="a.wav", transcript="Shall I send it?", answers={"yes": "phone"})
    talk = DIALOGUE.model_copy(update={"turns": (turn,), "companion": "qr"})
    assert intent_of("yes please", "en", talk, "a") == SendToPhone()


def test_each_turn_listens_for_its_own_answers() -> None:
    first = phrases_for((), "en", DIALOGUE, "size")
    second = phrases_for((), "en", DIALOGUE, "colour")
    assert "small" in first
    assert "Red" not in first
    assert "Red" in second
    assert "small" not in second


def test_a_phrase_is_listed_once_whatever_its_case() -> None:
    phrases = phrases_for(("Stop", "hey device", "Hey  Device"), "en", DIALOGUE, "size")
    assert [phrase.casefold() for phrase in phrases].count("stop") == 1
    assert phrases[:2] == ("Stop", "hey device")


def test_a_device_does_not_answer_or_wake_itself() -> None:
    talkative = MENTION.model_copy(update={"transcript": "Good morning! Say: tell me more. Or stop."})
    asked = ("good morning", "hey device")
    during = phrases_for(asked, "en", talkative, "", speaking=True)
    assert "tell me more" not in during
    assert "good morning" not in during
    assert {"hey device", "not interested", "stop"} <= set(during)
    after = phrases_for(asked, "en", talkative, "")
    assert {"tell me more", "good morning"} <= set(after)


def test_what_a_turn_says_is_its_own_text_and_not_the_whole_dialogues() -> None:
    first = Turn(id="one", say="one.wav", transcript="Small or large?", answers={"small": "two", "large": "two"})
    second = Turn(id="two", say="two.wav", transcript="Red or blue?", answers={"red": "end", "small": "end"})
    talk = DIALOGUE.model_copy(update={"transcript": "Small or large?", "turns": (first, second)})
    during = phrases_for((), "en", talk, "two", speaking=True)
    assert "small" in during
    assert "red" not in during


def test_only_whole_words_of_its_own_count() -> None:
    chatty = MENTION.model_copy(update={"transcript": "Good mornings begin with tea."})
    assert "good morning" in phrases_for(("good morning",), "en", chatty, "", speaking=True)
    chinese = MENTION.model_copy(update={"transcript": "想知道更多就说告诉我更多。"})
    assert "告诉我更多" not in phrases_for((), "zh", chinese, "", speaking=True)
    mixed = MENTION.model_copy(update={"transcript": "想知道更多就说 tell me more。"})
    assert "tell me more" not in phrases_for((), "en", mixed, "", speaking=True)


@pytest.mark.parametrize(
    ("phrase", "playing", "turn", "intent"),
    [
        ("stop", MENTION, "", Stop()),
        ("STOP", MENTION, "", Stop()),
        ("not interested", MENTION, "", NotInterested()),
        ("why this", MENTION, "", Why()),
        ("tell me more", MENTION, "", More()),
        ("tell me more", PLAIN, "", Nothing()),
        ("yes", ASKING, "", More()),
        ("no", ASKING, "", Stop()),
        ("yes", ASKING.model_copy(update={"follow_up": None}), "", SendToPhone()),
        ("yes", MENTION, "", Nothing()),
        ("no", MENTION, "", Nothing()),
        ("send it to my phone", ASKING, "", SendToPhone()),
        ("send it to my phone", MENTION, "", Nothing()),
        ("send it to my phone", None, "", Nothing()),
        ("small", DIALOGUE, "size", Answer("colour")),
        ("small", DIALOGUE, "", Answer("colour")),
        ("red", DIALOGUE, "colour", Answer("end")),
        ("hey device", MENTION, "", Wake("hey device")),
        ("hey device", None, "", Wake("hey device")),
        ("small", DIALOGUE, "colour", Nothing()),
        ("stop", None, "", Nothing()),
        ("tell me more", None, "", Nothing()),
    ],
)
def test_what_a_phrase_means(phrase: str, playing: Creative | None, turn: str, intent: Intent) -> None:
    assert intent_of(phrase, "en", playing, turn, wake_phrases=WAKE) == intent


def test_an_advertiser_cannot_take_over_the_word_stop() -> None:
    assert intent_of("stop", "en", DIALOGUE, "size") == Stop()


def test_of_thousands_of_answers_a_few_are_listened_for() -> None:
    """Each event looks at all of them, and so does the decoder: the resident's "stop" would wait for seconds."""
    answers = {f"answer number {number}": "colour" for number in range(4000)}
    first = DIALOGUE.turns[0].model_copy(update={"answers": answers | {"yes": "colour"}})
    talk = DIALOGUE.model_copy(update={"turns": (first, *DIALOGUE.turns[1:])})
    heard = phrases_for((), "en", talk, "size")
    assert len(heard) == MOST_ANSWERS + len(phrases_for((), "en", PLAIN, ""))
    assert intent_of("answer number 31", "en", talk, "size", wake_phrases=()) == Answer("colour")
    assert intent_of("answer number 32", "en", talk, "size", wake_phrases=()) == Nothing()
    assert intent_of("yes", "en", talk, "size", wake_phrases=()) == Nothing()


HOLDING = {
    "en": ("stop it", "Please, stop!", "don't stop", "stop by tomorrow", "not interested in red", "why this one"),
    "zh": ("不停止", "停止吧", "不 停 止", "不用了谢谢", "我不感兴趣", "为什么是这个颜色"),
}


@pytest.mark.parametrize("lang", HOLDING)
def test_what_holds_a_word_of_the_residents_is_that_word_and_is_not_listened_for(lang: str) -> None:
    """An advertiser's "please stop" would lead on, and its "stop by tomorrow" would make every "stop" wait."""
    holding = HOLDING[lang]
    answers = dict.fromkeys((*holding, "bus stops", "红色"), "colour")
    first = DIALOGUE.turns[0].model_copy(update={"answers": answers})
    talk = DIALOGUE.model_copy(update={"turns": (first, *DIALOGUE.turns[1:])})
    heard = phrases_for((holding[0], "hey device"), lang, talk, "size")
    assert not {*holding} & {*heard}
    assert {"hey device", "bus stops", "红色"} < {*heard}
    for phrase in holding:
        assert intent_of(phrase, lang, talk, "size") in {Stop(), NotInterested(), Why()}
    assert intent_of("stop it", "en", talk, "size") == Stop()
    assert intent_of("为什么是这个颜色", "zh", talk, "size") == Why()


def test_a_wake_phrase_that_holds_a_word_of_the_residents_wakes_while_nothing_plays() -> None:
    assert phrases_for(("hey stop",), "en", None, "") == ("hey stop",)
    assert intent_of("hey stop", "en", None, "", wake_phrases=("hey stop",)) == Wake("hey stop")


def test_a_dialogue_may_offer_more_as_an_answer_of_its_own() -> None:
    turn = Turn(id="a", say="a.wav", transcript="More?", answers={"tell me more": "b"})
    last = Turn(id="b", say="b.wav", transcript="There.")
    talk = DIALOGUE.model_copy(update={"turns": (turn, last)})
    assert intent_of("tell me more", "en", talk, "a") == Answer("b")


def test_an_answer_says_whether_it_ends_the_dialogue() -> None:
    assert Answer("end").ends
    assert not Answer("colour").ends


@pytest.mark.parametrize("lang", SPOKEN)
def test_every_language_says_every_command_and_no_phrase_twice(lang: str) -> None:
    commands = commands_for(lang)
    assert set(commands) == set(Command)
    phrases = [phrase for each in commands.values() for phrase in each]
    assert len(phrases) == len(set(phrases))
    assert intent_of(commands[Command.STOP][0], lang, MENTION, "") == Stop()


def test_what_was_closed_asks_nothing_but_may_still_be_asked_about() -> None:
    def meant(phrase: str, creative: Creative, turn: str = "") -> Intent:
        return intent_of(phrase, "en", creative, turn, wake_phrases=WAKE, asks=False)

    assert meant("yes please", ASKING) == meant("no", ASKING) == meant("small", DIALOGUE, "size") == Nothing()
    assert meant("tell me more", ASKING) == More()
    assert meant("stop", DIALOGUE, "size") == Stop()
