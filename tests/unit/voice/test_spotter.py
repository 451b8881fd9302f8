import pytest

from edge_agent.voice.grammar import Vocabulary, build_grammar
from edge_agent.voice.libvosk import Word
from edge_agent.voice.spotter import (
    LONGEST_GAP_S,
    MOST_TESTS,
    OVERLAP_S,
    PAUSE_S,
    REFRACTORY_S,
    RETEST_S,
    SETTLE_PREFIX_S,
    SETTLE_S,
    Detection,
    Spotter,
    least_confidence,
    plausible_duration_s,
)

VOCABULARY = Vocabulary.of(["tell", "me", "more", "stop", "show", "hey", "kitchen"])
PHRASES = ["tell me more", "tell me", "stop", "hey kitchen"]
GRAMMAR = build_grammar(PHRASES, VOCABULARY)


def words(text: str, *, start_s: float = 1.0, each_s: float = 0.3, confidence: float = 1.0) -> tuple[Word, ...]:
    """The words of `text`, one directly after the other; a dot is 0.1 s of silence."""
    found, at_s = [], start_s
    for part in text.split():
        if set(part) == {"."}:
            at_s += 0.1 * len(part)
            continue
        found.append(Word(part, at_s, at_s + each_s, confidence))
        at_s += each_s
    return tuple(found)


def heard(text: str, **how: float) -> str | None:
    detection = Spotter(GRAMMAR).detect(words(text, **how))
    return None if detection is None else detection.phrase


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("hey kitchen", "hey kitchen"),
        ("[unk] hey kitchen [unk]", "hey kitchen"),
        ("tell me more", "tell me more"),
        ("tell me", "tell me"),
        ("hey", None),
        ("kitchen hey", None),
        ("hey [unk] kitchen", None),
        ("show me more", None),
        ("", None),
        ("[unk]", None),
        ("stop", "stop"),
        ("stop [unk]", "stop"),
        ("[unk] stop", None),
        ("[unk] .... stop", "stop"),
        ("hey ...... kitchen", "hey kitchen"),
        ("hey ........ kitchen", None),
    ],
)
def test_only_whole_phrases_count(said: str, phrase: str | None) -> None:
    assert heard(said) == phrase


def test_a_detection_says_where_the_phrase_was_and_how_sure_its_weakest_word_is() -> None:
    said = (Word("[unk]", 0.0, 0.5, 1.0), Word("hey", 1.0, 1.2, 0.9), Word("kitchen", 1.2, 1.8, 0.7))
    assert Spotter(GRAMMAR).detect(said) == Detection("hey kitchen", 1.0, 1.8, 0.7)


def test_a_gap_may_be_as_long_as_the_limit_and_no_longer() -> None:
    def with_gap(gap_s: float) -> tuple[Word, ...]:
        return Word("hey", 0.0, 0.5, 1.0), Word("kitchen", 0.5 + gap_s, 1.0 + gap_s, 1.0)

    assert Spotter(GRAMMAR).detect(with_gap(LONGEST_GAP_S)) is not None
    assert Spotter(GRAMMAR).detect(with_gap(LONGEST_GAP_S + 0.01)) is None


def test_one_word_needs_a_pause_before_it() -> None:
    def after(pause_s: float) -> tuple[Word, ...]:
        return Word("[unk]", 0.0, 0.5, 1.0), Word("stop", 0.5 + pause_s, 1.0 + pause_s, 1.0)

    assert Spotter(GRAMMAR).detect(after(PAUSE_S)) is not None
    assert Spotter(GRAMMAR).detect(after(PAUSE_S - 0.01)) is None


def test_no_mouth_says_a_phrase_in_sixty_milliseconds_or_in_four_seconds() -> None:
    shortest_s, longest_s = plausible_duration_s(("stop",))
    assert shortest_s > 0.06
    assert longest_s < 4
    for duration_s, is_heard in [
        (shortest_s - 0.01, False),
        (shortest_s, True),
        (longest_s, True),
        (longest_s + 0.01, False),
    ]:
        assert (Spotter(GRAMMAR).detect((Word("stop", 0.0, duration_s, 1.0),)) is not None) is is_heard


def test_a_longer_phrase_may_take_longer() -> None:
    assert plausible_duration_s(("tell", "me", "more")) > plausible_duration_s(("stop",))
    assert plausible_duration_s(("停止",))[0] == plausible_duration_s(("stop",))[0]


@pytest.mark.parametrize("sensitivity", [0.0, 0.5, 1.0])
def test_confidence_must_reach_what_the_sensitivity_asks(sensitivity: float) -> None:
    least = least_confidence(sensitivity)
    assert Spotter(GRAMMAR, sensitivity).detect(words("stop", confidence=least)) is not None
    assert Spotter(GRAMMAR, sensitivity).detect(words("stop", confidence=least - 0.01)) is None


def test_the_same_breath_is_heard_once() -> None:
    spotter = Spotter(GRAMMAR)
    first = spotter.detect(words("hey kitchen", start_s=1.0))
    assert first is not None
    assert spotter.detect(words("hey kitchen", start_s=1.0)) is None
    assert spotter.detect(words("hey kitchen", start_s=first.end_s + REFRACTORY_S - 0.01)) is None
    assert spotter.detect(words("hey kitchen", start_s=first.end_s + REFRACTORY_S)) is not None


def test_another_phrase_may_follow_at_once() -> None:
    spotter = Spotter(GRAMMAR)
    first = spotter.detect(words("hey kitchen"))
    assert first is not None
    assert spotter.detect(words("tell me more", start_s=first.end_s - OVERLAP_S - 0.01)) is None
    assert spotter.detect(words("tell me more", start_s=first.end_s)) is not None


def test_a_phrase_that_was_over_before_it_was_listened_for_is_not_heard() -> None:
    spotter = Spotter(GRAMMAR, since_s=5.0, longer_known=("hey kitchen",))
    assert spotter.detect(words("tell me more", start_s=3.0)) is None
    assert spotter.detect(words("tell me more", start_s=4.2)) is not None
    assert Spotter(GRAMMAR, since_s=5.0, longer_known=("hey kitchen",)).detect(words("hey kitchen")) is not None


def test_a_partial_result_is_tested_when_it_has_stood() -> None:
    spotter = Spotter(GRAMMAR)
    assert not spotter.worth_testing(("hey",), 1.0)
    assert not spotter.worth_testing(("hey", "kitchen"), 1.1)
    assert not spotter.worth_testing(("hey", "kitchen"), 1.1 + SETTLE_S - 0.01)
    assert spotter.worth_testing(("hey", "kitchen"), 1.1 + SETTLE_S)


def test_a_phrase_that_fails_its_test_is_tested_again_a_few_times() -> None:
    spotter = Spotter(GRAMMAR)
    steps = [1 + step * 0.05 for step in range(200)]
    tested = [now_s for now_s in steps if spotter.worth_testing(("stop",), now_s)]
    assert tested == pytest.approx([1 + SETTLE_S + again * RETEST_S for again in range(MOST_TESTS)])


def test_a_partial_result_that_changed_its_mind_begins_again() -> None:
    spotter = Spotter(GRAMMAR)
    assert not spotter.worth_testing(("stop",), 1.0)
    assert not spotter.worth_testing(("[unk]",), 1.1)
    assert not spotter.worth_testing(("stop",), 1.2)
    assert not spotter.worth_testing(("stop",), 1.2 + SETTLE_S - 0.01)
    assert spotter.worth_testing(("stop",), 1.2 + SETTLE_S)


def test_a_test_counts_only_what_has_ended() -> None:
    said = words("hey kitchen", start_s=1.0)
    assert Spotter(GRAMMAR).detect(said, before_s=said[-1].end_s - 0.01) is None
    assert Spotter(GRAMMAR).detect(said, before_s=said[-1].end_s) is not None


def test_the_beginning_of_a_longer_phrase_waits_for_its_end() -> None:
    spotter = Spotter(GRAMMAR)
    assert not spotter.worth_testing(("tell", "me"), 1.0)
    assert not spotter.worth_testing(("tell", "me"), 1.0 + SETTLE_PREFIX_S - 0.01)
    assert spotter.worth_testing(("tell", "me"), 1.0 + SETTLE_PREFIX_S)


def test_partial_results_of_an_ended_utterance_are_forgotten() -> None:
    spotter = Spotter(GRAMMAR)
    assert not spotter.worth_testing(("stop",), 1.0)
    spotter.end_utterance()
    assert not spotter.worth_testing(("stop",), 1.0 + SETTLE_S)
