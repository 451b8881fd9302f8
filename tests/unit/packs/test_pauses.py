from datetime import timedelta

from edge_agent.packs.pauses import LONGEST_BREATH, Breath, backoff, breath_s, spread

FIRST, LONGEST = timedelta(seconds=2), timedelta(minutes=5)


def test_success_needs_no_pause() -> None:
    assert backoff(0, 0.5, FIRST, LONGEST) is None


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [backoff(failures, 0.5, FIRST, LONGEST) for failures in range(1, 12)]
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (2, 4, 8, 16)]
    assert pauses[-1] == LONGEST == backoff(10_000, 0.5, FIRST, LONGEST)


def test_a_fleet_does_not_return_in_step() -> None:
    assert backoff(1, 0.0, FIRST, LONGEST) == FIRST / 2
    assert backoff(1, 0.999, FIRST, LONGEST) == FIRST * 1.499
    assert spread(LONGEST, 0.0) == LONGEST * 0.9
    assert spread(LONGEST, 1.0) == LONGEST * 1.1


def look(breath: Breath, at_s: float, *, news: bool = False) -> float:
    """Look for a tenth of a second."""
    return breath.after(began_at_s=at_s, ended_at_s=at_s + 0.1, news=news)


def test_what_fails_again_and_again_rests_longer_up_to_ten_seconds() -> None:
    assert [breath_s(times) for times in range(9)] == [0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]
    assert breath_s(10_000) == LONGEST_BREATH.total_seconds()


def test_an_hour_of_garbage_gives_few_looks() -> None:
    breath, now_s, looks = Breath(), 0.0, 0
    while now_s < 3600:
        now_s += 0.1 + look(breath, now_s)
        looks += 1
    assert looks <= 3600 / 10 + 8


def test_garbage_that_waits_for_each_rest_to_end_gains_nothing() -> None:
    breath, now_s, looks = Breath(), 0.0, 0
    while now_s < 3600:
        now_s += 0.1 + look(breath, now_s) + 9.9
        looks += 1
    assert looks <= 3600 / 10 + 8


def test_news_and_a_silence_end_the_resting() -> None:
    breath = Breath()
    assert [look(breath, at_s) for at_s in (0, 0.1, 0.4)] == [0, 0.2, 0.4]
    assert look(breath, 0.9, news=True) == 0
    assert [look(breath, at_s) for at_s in (1, 1.1)] == [0, 0.2]
    rested_at_s = 1.1 + 0.1 + 0.2
    assert look(breath, rested_at_s + LONGEST_BREATH.total_seconds()) == 0


def test_a_moment_less_than_a_silence_is_none() -> None:
    breath = Breath()
    assert [look(breath, at_s) for at_s in (0, 0.1)] == [0, 0.2]
    assert look(breath, 0.4 + LONGEST_BREATH.total_seconds() - 0.001) == 0.4
