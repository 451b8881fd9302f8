"""Durations as they cross boundaries: a number of seconds in JSON and TOML, a `timedelta` inside."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema


def _from_seconds(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return timedelta(seconds=value)
        except (OverflowError, ValueError) as error:
            raise ValueError("a duration must be a number of seconds that a calendar can hold") from error
    return value


def _to_seconds(value: timedelta) -> float:
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


Seconds = Annotated[
    timedelta,
    BeforeValidator(_from_seconds),
    PlainSerializer(_to_seconds, return_type=float),
    WithJsonSchema({"type": "number", "description": "Seconds."}),
]
"""A `timedelta` that reads and writes a number of seconds (AdCOM `dur`)."""
