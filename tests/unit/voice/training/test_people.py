"""A recording's part never changes, and each part has its half."""

from __future__ import annotations

from edge_agent.voice.training.people import part_of


def test_the_parts_stay_what_they_were_when_models_were_adapted() -> None:
    parts = [part_of("alexa", f"{number:04}") for number in range(12)]
    assert "".join(part[0] for part in parts) == "ataataattata"


def test_half_of_the_recordings_are_in_each_part() -> None:
    adapted = sum(part_of("computer", f"{number:04}") == "adapt" for number in range(2000))
    assert 900 < adapted < 1100


def test_folder_name_and_seed_decide() -> None:
    names = [f"{number:04}" for number in range(64)]
    of_computer = [part_of("computer", name) for name in names]
    assert of_computer != [part_of("snowboy", name) for name in names]
    assert of_computer != [part_of("computer", name, seed=2) for name in names]
