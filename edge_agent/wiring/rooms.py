"""The rooms that configuration replaces while the agent runs: shelf, ears and reporter (shell: tasks, a thread).

A new room goes on with what the old one was told: it is as deaf, and knows what the device plays itself, the report
key, the catalog and the consent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.clock import Clock
from edge_agent.measure.journal import Journal
from edge_agent.measure.report_key import TARGET as REPORT_KEY
from edge_agent.measure.reporter import Reporter
from edge_agent.model.events import Event, PhraseHeard
from edge_agent.model.shelf_room import RoomPlace
from edge_agent.model.wording import Said
from edge_agent.packs.fetching.mirrors import AssetSource
from edge_agent.packs.source import Source
from edge_agent.packs.sync import PackShelf
from edge_agent.plays import EngineState
from edge_agent.settings.layers import Settings
from edge_agent.troubles import Troubles
from edge_agent.voice.check import check_voice
from edge_agent.voice.ear import Ear
from edge_agent.voice.models import Model
from edge_agent.voice.own_voice import OwnSound
from edge_agent.voice.wyoming.service import WyomingService
from edge_agent.wiring.playing import playing_in
from edge_agent.wiring.restartable import Restartable
from edge_agent.wiring.trial import ConfigOffers, document_names
from edge_agent.wiring.voice_packs import Reach, VoicePacks


@dataclass(frozen=True, slots=True)
class Ground:
    """What these rooms stand on, and configuration does not replace.

    `machine` is the clock of signatures, `clock` that of the home; `state` is the engine's newest.
    """

    emit: Callable[[Event], None]
    state: Callable[[], EngineState]
    source: Source
    send: Callable[[str, bytes], Awaitable[None]]
    journal: Journal
    troubles: Troubles
    clock: Clock
    machine: Clock
    packs_changed: Callable[[], None] = lambda: None
    """Called when what packs wait for has changed."""


class Rooms:
    """Each room in its newest form: `shelf.room`, `ear.room`, `wyoming.room` and `reporter.room`.

    Whoever owns this runs all four, and `words`.
    """

    def __init__(self, settings: Settings, ground: Ground, offers: ConfigOffers, *, muted: bool) -> None:
        self._settings = settings
        self._ground = ground
        self._offers = offers
        self._muted = muted
        self._own_sound: OwnSound | None = None
        self._report_key: bytes | None = None
        self.words = VoicePacks(
            Reach(
                settings=lambda: self._settings.voice,
                shelf=lambda: self.shelf.room,
                hear_with=self._hear_with,
                words_changed=offers.words_changed,
            ),
            ground.troubles,
        )
        self.shelf = Restartable(self._new_shelf(settings))
        self.ear = Restartable(self._new_ear(settings, settings.voice.wake_phrases))
        self.wyoming = Restartable(self._new_wyoming(settings))
        self.reporter = Restartable(self._new_reporter(settings))

    def mute(self, on: bool) -> None:
        """Hear nothing from now on, whoever asks, or hear again."""
        self._muted = on
        self.ear.room.mute(on)
        self.wyoming.room.mute(on)

    def play(self, sound: OwnSound | None) -> None:
        """Let the ear know what the device itself plays, and every later ear, for as long as it plays."""
        self._own_sound = sound
        self.ear.room.play(sound)

    def pack_reasons(self) -> Mapping[str, Said]:
        """Return why packs are not as they should be, as the shelf says it."""
        return self.shelf.room.reasons()

    def asset_sources(self) -> Sequence[AssetSource]:
        """Return where the files of packs come from, as the shelf says it."""
        return self.shelf.room.sources()

    def pack_places(self) -> Mapping[str, RoomPlace]:
        """Return which pack goes first when the budget gets shorter."""
        return self.shelf.room.places()

    async def live_by(self, settings: Settings) -> None:
        """Make every room live by `settings`; raises EdgeAgentError, before anything changed, when one cannot."""
        before = self._settings
        if settings.voice != before.voice:
            await asyncio.to_thread(check_voice, settings.voice)
            phrases = {"wake_phrases": settings.voice.wake_phrases}
            if settings.voice != before.voice.model_copy(update=phrases):  # phrases are told to the ear that is there
                self.ear.replace(self._new_ear(settings, self._ground.state().phrases))
            self.wyoming.replace(self._new_wyoming(settings))
        if settings.packs != before.packs:
            self.shelf.replace(self._new_shelf(settings))
        if settings.measure != before.measure:
            self._replace_reporter(settings)
        self._settings = settings

    async def _hear_with(self, model: Model) -> None:
        """Let everything that hears hear with the words of `model`; settings name it from the next start on."""
        await self.ear.room.hear_with(model)
        self.wyoming.replace(self._new_wyoming(self._settings))

    def _replace_reporter(self, settings: Settings) -> None:
        state, reporter = self._ground.state(), self._new_reporter(settings)
        reporter.catalog_changed(state.catalog)
        reporter.key_changed(self._report_key)
        reporter.consent_changed(state.surroundings.consent)
        self.reporter.replace(reporter)

    def _new_ear(self, settings: Settings, phrases: tuple[str, ...]) -> Ear:
        def emit(event: Event) -> None:
            if ear is self.ear.room or not isinstance(event, PhraseHeard):  # a mute is told to the present ear alone
                self._ground.emit(event)

        ear = Ear(settings.voice, emit, phrases=phrases, troubles=self._ground.troubles)
        ear.mute(self._muted)
        ear.play(self._own_sound)
        return ear

    def _new_wyoming(self, settings: Settings) -> WyomingService:
        wyoming = WyomingService(settings.voice, troubles=self._ground.troubles)
        wyoming.mute(self._muted)
        return wyoming

    def _new_shelf(self, settings: Settings) -> PackShelf:
        shelf = PackShelf(
            settings.packs,
            self._ground.source,
            self._ground.emit,
            now=self._ground.machine.now,
            troubles=self._ground.troubles,
            zone=settings.zone,
            playing=lambda: playing_in(self._ground.state()),
            changed=self._ground.packs_changed,
        )
        for name in document_names(settings.device_id, settings.groups):
            shelf.on_document(name, self._offers.document_changed)
        shelf.on_document(REPORT_KEY, self._report_key_changed)
        shelf.on_document(self.words.target, self.words.document_changed)
        return shelf

    def _report_key_changed(self, _name: str, content: bytes | None) -> None:
        self._report_key = content
        self.reporter.room.key_changed(content)

    def _new_reporter(self, settings: Settings) -> Reporter:
        ground = self._ground
        return Reporter(settings.measure, ground.journal, ground.send, clock=ground.clock, zone=settings.zone)
