"""What the engine knows when it starts: what was agreed, what was shown, what may be shown. Reads the database."""

import secrets
from datetime import UTC, datetime
from typing import Final

from edge_agent.measure.journal import Journal
from edge_agent.model.device import DeviceState, Surroundings
from edge_agent.plays import EngineState
from edge_agent.settings.layers import Settings
from edge_agent.settings.resident import ResidentStore

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
"""No younger: at a start with a clock that is ahead, what was shown would seem too old to count."""


def first_state(settings: Settings, resident: ResidentStore, journal: Journal, now: datetime) -> EngineState:
    """Return the engine's state before its first event. Raises StorageError when the database cannot be read."""
    consent, limits = resident.load()
    surroundings = Surroundings(
        device=DeviceState(),
        consent=consent,
        limits=limits,
        policy=settings.placements,
        history=journal.history(BEGINNING),
        formats=settings.profile.formats,
        moments=settings.profile.moments,
        zone=settings.zone,
        lang=settings.lang,
        erased_at=journal.erased_at(now),
    )
    phrases = settings.voice.wake_phrases
    return EngineState(surroundings, secrets.token_hex(4), wake_phrases=phrases, phrases=phrases)
