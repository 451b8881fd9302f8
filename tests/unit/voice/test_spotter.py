import math
from collections.abc import Sequence

import pytest

from edge_agent.voice.grammar import Vocabulary, build_grammar
from edge_agent.voice.libvosk import Reading, Word
from edge_agent.voice.patience import HOPELESS_SCORE, SETTLE_PREFIX_S, SETTLE_S
from edge_agent.voice.spotter import (
    BEYOND_THE_BEAM,
    LEAST_WORTH_A_LOOK,
    LONGEST_GAP_S,
    OVERLAP_S,
    PAUSE_S,
    REFRACTORY_S,
    Detection,
    SecondLook,
    Spotter,
    StandsOut,
    plausible_duration_s,
)

VOCABULARY = Vocabulary.of(["tell", "me", "more", "stop", "show", "hey", "kitchen"])
PHRASES = ["tell me more", "tell me", "stop", "hey kitchen"]
GRAMMAR = build_grammar(PHRASES, VOCABULARY)


def new_spotter(*, since_s: float = 0.0, longer_known: tuple[str, ...] = ()) -> Spotter:
    return Spotter(GRAMMAR, lambda _: True, since_s=since_s, longer_known=longer_known)


def nothing_stands_out(_start_s: float, _end_s: float) -> bool:
    return False


def judged(
    spotter: Spotter,
    readings: Sequence[Reading],
    before_s: float = math.inf,
    second_look: SecondLook | None = None,
    stands_out: StandsOut = nothing_stands_out,
) -> Detection | None:
    """All of the rules, one after the other, as the stream applies them."""
    return spotter.judge(spotter.candidates(readings, stands_out, before_s), readings, second_look)


def detect(spotter: Spotter, said: tuple[Word, ...], before_s: float = math.inf) -> Detection | None:
    return judged(spotter, (Reading(said, -5.0), Reading((), -7.0)), before_s)


def words(text: str, *, start_s: float = 1.0, each_s: float = 0.3) -> tuple[Word, ...]:
    """The words of `text`, one directly after the other; a dot is 0.1 s of silence."""
    found, at_s = [], start_s
    for part in text.split():
        if set(part) == {"."}:
            at_s += 0.1 * len(part)
            continue
        found.append(Word(part, at_s, at_s + each_s))
        at_s += each_s
    return tuple(found)


def heard(text: str, **how: float) -> str | None:
    detection = detect(new_spotter(), words(text, **how))
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


def test_a_detection_says_where_the_phrase_was_and_how_sure_it_is() -> None:
    said = (Word("[unk]", 0.0, 0.5), Word("hey", 1.0, 1.2), Word("kitchen", 1.2, 1.8))
    assert detect(new_spotter(), said) == Detection("hey kitchen", 1.0, 1.8, 2.0)


def test_a_gap_may_be_as_long_as_the_limit_and_no_longer() -> None:
    def with_gap(gap_s: float) -> tuple[Word, ...]:
        return Word("hey", 0.0, 0.5), Word("kitchen", 0.5 + gap_s, 1.0 + gap_s)

    assert detect(new_spotter(), with_gap(LONGEST_GAP_S)) is not None
    assert detect(new_spotter(), with_gap(LONGEST_GAP_S + 0.01)) is None


def test_one_word_needs_a_pause_before_it() -> None:
    def after(pause_s: float) -> tuple[Word, ...]:
        return Word("[unk]", 0.0, 0.5), Word("stop", 0.5 + pause_s, 1.0 + pause_s)

    assert detect(new_spotter(), after(PAUSE_S)) is not None
    assert detect(new_spotter(), after(PAUSE_S - 0.01)) is None


def test_one_word_that_stands_out_needs_no_pause_before_it() -> None:
    asked: list[tuple[float, float]] = []

    def stands_out(start_s: float, end_s: float) -> bool:
        asked.append((start_s, end_s))
        return True

    said = Word("[unk]", 0.0, 0.5), Word("stop", 0.6, 1.1)
    readings = (Reading(said, -5.0), Reading((), -7.0))
    assert judged(new_spotter(), readings, stands_out=stands_out) == Detection("stop", 0.6, 1.1, 2.0)
    assert asked == [(0.6, 1.1)]


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
        assert (detect(new_spotter(), (Word("stop", 0.0, duration_s),)) is not None) is is_heard


def test_a_longer_phrase_may_take_longer() -> None:
    assert plausible_duration_s(("tell", "me", "more")) > plausible_duration_s(("stop",))
    assert plausible_duration_s(("停止",))[0] == plausible_duration_s(("stop",))[0]


def reading(text: str, log_likelihood: float) -> Reading:
    return Reading(words(text), log_likelihood)


@pytest.mark.parametrize(
    ("readings", "score"),
    [
        ([reading("hey kitchen", -5.0), reading("[unk]", -7.5)], 2.5),
        ([reading("hey kitchen", -5.0), reading("[unk] hey kitchen", -6.0), reading("[unk]", -7.5)], 2.5),
        ([reading("[unk]", -5.0), reading("hey kitchen", -6.5)], -1.5),
        ([reading("hey kitchen", -5.0), reading("hey kitchen [unk]", -8.0)], BEYOND_THE_BEAM),
        ([reading("hey kitchen", -5.0)], BEYOND_THE_BEAM),
    ],
    ids=["sure", "with more around it", "unlikely", "none without it", "no other at all"],
)
def test_the_score_compares_the_best_reading_with_the_phrase_to_the_best_without(
    readings: list[Reading], score: float
) -> None:
    detection = judged(new_spotter(), readings)
    assert detection is not None
    assert detection.score == pytest.approx(score)


def test_the_score_is_that_of_the_reading_whose_times_pass() -> None:
    late = Reading((Word("hey", 1.0, 1.3), Word("kitchen", 1.3, 2.2)), -5.0)
    in_time = Reading((Word("hey", 1.0, 1.3), Word("kitchen", 1.3, 1.9), Word("[unk]", 1.9, 2.2)), -6.0)
    detection = judged(new_spotter(), [late, in_time, reading("[unk]", -7.0)], before_s=2.0)
    assert detection is not None
    assert (detection.end_s, detection.score) == (1.9, 1.0)


def test_what_the_verdict_refuses_is_not_heard_and_may_be_heard_the_next_time() -> None:
    asked: list[float] = []

    def verdict(candidate: Detection) -> bool:
        asked.append(candidate.score)
        return candidate.score >= 2.0

    spotter = Spotter(GRAMMAR, verdict)
    assert judged(spotter, [reading("stop", -5.0), reading("", -6.9)]) is None
    assert judged(spotter, [reading("stop", -5.0), reading("", -7.0)]) is not None
    assert asked == pytest.approx([1.9, 2.0])


def test_what_the_second_look_sees_is_added_to_the_score() -> None:
    seen: list[tuple[tuple[str, ...], Detection]] = []

    def look(phrase: tuple[str, ...], found: Detection) -> float:
        seen.append((phrase, found))
        return -1.25

    said = words("hey kitchen")
    detection = judged(new_spotter(), [Reading(said, -5.0), reading("[unk]", -7.5)], second_look=look)
    assert detection is not None
    assert detection.score == pytest.approx(2.5 - 1.25)
    assert seen == [(("hey", "kitchen"), Detection("hey kitchen", said[0].start_s, said[-1].end_s, 2.5))]


def test_the_verdict_is_on_the_score_after_the_second_look() -> None:
    spotter = Spotter(GRAMMAR, lambda candidate: candidate.score >= 0.5)
    readings = [reading("stop", -5.0), reading("", -6.0)]
    assert judged(spotter, readings, second_look=lambda *_: -0.6) is None
    assert judged(spotter, readings, second_look=lambda *_: -0.4) is not None


def test_a_phrase_that_was_said_is_heard_after_something_like_it() -> None:
    """In noise, what comes before may be read as the phrase too: each place is looked at by itself."""
    readings = [
        reading("hey kitchen ..... hey kitchen", -5.0),
        reading("[unk] ..... hey kitchen", -5.3),
        reading("", -9.0),
    ]
    looked_at: list[float] = []

    def look(_words: tuple[str, ...], found: Detection) -> float:
        looked_at.append(found.start_s)
        return -5.0 if found.start_s < 2 else 1.0

    spotter = Spotter(GRAMMAR, lambda candidate: candidate.score >= 2)
    detection = judged(spotter, readings, second_look=look)
    assert detection is not None
    assert detection.start_s == pytest.approx(2.1)
    assert looked_at == pytest.approx([1.0, 2.1]), "each place once, whatever reading it is in"


def test_a_doubted_score_must_be_enough_without_the_doubt_and_is_told_whole() -> None:
    spotter = Spotter(GRAMMAR, lambda candidate: candidate.score >= 0.5)
    readings = [reading("stop", -5.0)]
    candidates = spotter.candidates(readings, nothing_stands_out)
    assert spotter.judge(candidates, readings, doubt=BEYOND_THE_BEAM - 0.4) is None
    detection = spotter.judge(candidates, readings, doubt=BEYOND_THE_BEAM - 0.6)
    assert detection is not None
    assert detection.score == BEYOND_THE_BEAM


@pytest.mark.parametrize(
    ("said", "score", "looks"),
    [
        ("hey kitchen", LEAST_WORTH_A_LOOK + 0.01, 1),
        ("hey kitchen", LEAST_WORTH_A_LOOK - 0.01, 0),
        ("hey ........ kitchen", 2.0, 0),
        ("[unk] stop", 2.0, 0),
    ],
    ids=["perhaps enough", "never enough", "a gap", "one word without a pause"],
)
def test_only_what_could_be_enough_is_looked_at_again(said: str, score: float, looks: int) -> None:
    seen: list[object] = []

    def look(*about: object) -> float:
        seen.append(about)
        return 0.0

    judged(new_spotter(), [reading("", -5.0), reading(said, -5.0 + score)], second_look=look)
    assert len(seen) == looks


def test_confidence_is_between_nothing_and_certainty_and_grows_with_the_score() -> None:
    confidences = [Detection("stop", 0.0, 1.0, score).confidence for score in (-700.0, -1.0, 0.0, 1.0, 700.0)]
    assert confidences == sorted(confidences)
    assert confidences[2] == 0.5
    assert 0 <= confidences[0] < confidences[-1] <= 1


def test_the_same_breath_is_heard_once() -> None:
    spotter = new_spotter()
    first = detect(spotter, words("hey kitchen", start_s=1.0))
    assert first is not None
    assert detect(spotter, words("hey kitchen", start_s=1.0)) is None
    assert detect(spotter, words("hey kitchen", start_s=first.end_s + REFRACTORY_S - 0.01)) is None
    assert detect(spotter, words("hey kitchen", start_s=first.end_s + REFRACTORY_S)) is not None


def test_another_phrase_may_follow_at_once() -> None:
    spotter = new_spotter()
    first = detect(spotter, words("hey kitchen"))
    assert first is not None
    assert detect(spotter, words("tell me more", start_s=first.end_s - OVERLAP_S - 0.01)) is None
    assert detect(spotter, words("tell me more", start_s=first.end_s)) is not None


def test_a_phrase_that_was_over_before_it_was_listened_for_is_not_heard() -> None:
    spotter = new_spotter(since_s=5.0, longer_known=("hey kitchen",))
    assert detect(spotter, words("tell me more", start_s=3.0)) is None
    assert detect(spotter, words("tell me more", start_s=4.2)) is not None
    assert detect(new_spotter(since_s=5.0, longer_known=("hey kitchen",)), words("hey kitchen")) is not None


def test_a_partial_result_is_tested_when_it_has_stood() -> None:
    spotter = new_spotter()
    assert not spotter.worth_testing(("hey",), 1.0)
    assert not spotter.worth_testing(("hey", "kitchen"), 1.1)
    assert not spotter.worth_testing(("hey", "kitchen"), 1.1 + SETTLE_S - 0.01)
    assert spotter.worth_testing(("hey", "kitchen"), 1.1 + SETTLE_S)


def test_what_was_said_to_its_end_and_is_clearly_something_else_is_not_tested_again() -> None:
    spotter = Spotter(GRAMMAR, lambda _: False)
    spotter.worth_testing(("stop",), 1.0)
    assert spotter.worth_testing(("stop",), 2.0)
    said = words("stop")
    judged(spotter, (Reading((), -5.0), Reading(said, -5.0 + HOPELESS_SCORE)), said[-1].end_s)
    assert spotter.worth_testing(("stop",), 3.0)  # not clear enough
    judged(spotter, (Reading((), -5.0), Reading(said, -5.1 + HOPELESS_SCORE)), said[-1].end_s)
    assert not spotter.worth_testing(("stop",), 4.0)


def test_a_test_counts_only_what_has_ended() -> None:
    said = words("hey kitchen", start_s=1.0)
    assert detect(new_spotter(), said, before_s=said[-1].end_s - 0.01) is None
    assert detect(new_spotter(), said, before_s=said[-1].end_s) is not None


def test_the_beginning_of_a_phrase_that_is_still_being_said_is_not_heard() -> None:
    said = words("tell me more")
    assert detect(new_spotter(), said, before_s=said[-1].end_s - 0.01) is None
    whole = detect(new_spotter(), said, before_s=said[-1].end_s)
    assert whole is not None
    assert whole.phrase == "tell me more"


def test_the_beginning_of_a_longer_phrase_waits_for_its_end() -> None:
    spotter = new_spotter()
    assert not spotter.worth_testing(("tell", "me"), 1.0)
    assert not spotter.worth_testing(("tell", "me"), 1.0 + SETTLE_PREFIX_S - 0.01)
    assert spotter.worth_testing(("tell", "me"), 1.0 + SETTLE_PREFIX_S)


def test_partial_results_of_an_ended_utterance_are_forgotten() -> None:
    spotter = new_spotter()
    assert not spotter.worth_testing(("stop",), 1.0)
    spotter.end_utterance()
    assert not spotter.worth_testing(("stop",), 1.0 + SETTLE_S)
