"""The composition root: builds the rooms, carries effects to them and events from them. No logic."""

import asyncio
import gc
import logging
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import assert_never

from edge_agent import __version__
from edge_agent.clock import Clock, SettableClock, SystemClock
from edge_agent.debug.serving import serve
from edge_agent.debug.shapes import LinkView
from edge_agent.link.reported_state import ReportedState
from edge_agent.link.session import Link
from edge_agent.link.topics import DeviceStateTopic, format_topic
from edge_agent.measure.journal import Journal
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.device import Microphone
from edge_agent.model.errors import MicrophoneError, StorageError
from edge_agent.render.renderer import Renderer
from edge_agent.settings.layers import Settings
from edge_agent.settings.resident import ResidentStore
from edge_agent.troubles import Troubles
from edge_agent.wiring import service
from edge_agent.wiring.beginning import first_state
from edge_agent.wiring.driver import Driver
from edge_agent.wiring.face import Face, Sights
from edge_agent.wiring.metrics import Metrics
from edge_agent.wiring.own_sounds import OwnSounds
from edge_agent.wiring.presence import Presence
from edge_agent.wiring.reported import reported_state
from edge_agent.wiring.resident_memory import ResidentMemory
from edge_agent.wiring.retained_repository import RetainedRepository
from edge_agent.wiring.rooms import Ground, Rooms
from edge_agent.wiring.timers import Timers
from edge_agent.wiring.trial import ConfigOffers, ConfigTrial
from edge_agent.wiring.writes import Writes

logger = logging.getLogger(__name__)


async def run_agent(config: Path, machine: Clock | None = None) -> None:
    """Run the agent of `config` until SIGTERM or SIGINT; what plays is closed before this returns.

    `machine` is the machine's clock, for whoever must try a wrong one. Raises SettingsError when the configuration
    cannot be lived by, StorageError when the database cannot be opened.
    """
    agent = Agent(config, machine)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("run_agent belongs in a task")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        await agent.run()
    except asyncio.CancelledError:  # and not what a room died of, perhaps of the configuration that is being tried
        agent.trial.stopped()
    service.notify("STOPPING=1")


class Agent:
    """One device. Built from agent.toml inside a running event loop, and run once."""

    def __init__(self, config: Path, machine: Clock | None = None) -> None:
        self.machine = machine or SystemClock()
        self.trial = ConfigTrial(config, self._live_by)
        settings = self.settings = self.trial.settings
        self.clock: Clock = SettableClock(self.machine) if settings.profile.standin else self.machine
        self.troubles = Troubles(now=self.clock.now, changed=self._something_changed)
        self.journal = Journal(settings.database, troubles=self.troubles)
        self.resident = ResidentStore(settings.database)
        self.memory = ResidentMemory(self.resident, self.troubles)
        self.writes = Writes()
        self.timers = Timers(self.clock, lambda name: self.emit(ev.TimerRang(name)))
        topic = format_topic(settings.mqtt.root, DeviceStateTopic(settings.device_id))
        will = ReportedState.last_will(__version__, settings.profile.name)
        self.link = Link(settings.mqtt, will=(topic, will.to_payload()))
        self.presence = Presence(self.link, topic, self._reported_state, self.troubles, self._something_changed)
        self.offers = ConfigOffers(self.trial, self.troubles, self.presence.wanted)
        self.renderer = Renderer(settings.render, self.emit, self.clock.now, self.troubles)
        ground = Ground(
            emit=self.emit,
            state=lambda: self.driver.state,
            source=RetainedRepository(self.link, settings.mqtt.root),
            send=self._send,
            journal=self.journal,
            troubles=self.troubles,
            clock=self.clock,
            machine=self.machine,
            packs_changed=lambda: self.face.tell_packs(),  # noqa: PLW0108  the face is built after the rooms
        )
        self.rooms = Rooms(settings, ground, self.offers, muted=self.resident.is_muted())
        self.own_sounds = OwnSounds(self.rooms.play, lambda: self.driver.state.wake_phrases)
        self.driver = Driver(
            first_state(settings, self.resident, self.journal, self.clock.now()),
            now=self.clock.now,
            draw=random.SystemRandom().random,
            carry=self._carry,
            noticed=self._noticed,
        )
        self.metrics = Metrics(
            {
                "broker_connected": ("Whether the broker is there.", lambda: float(self.link.status.connected)),
                "packs": ("Verified packs on the shelf.", lambda: len(self.driver.state.catalog.packs)),
                "reports_unsent": ("Sealed reports that wait.", lambda: float(self.rooms.reporter.room.unsent())),
                "problems": ("Things that do not work now.", lambda: len(self.troubles.lasting)),
            }
        )
        self.face = Face(
            settings=settings,
            driver=self.driver,
            journal=self.journal,
            clock=self.clock,
            troubles=self.troubles,
            sights=self._sights(),
            set_mute=self._mute,
        )

    def emit(self, event: ev.Event) -> None:
        """Give the engine an event: every room's way to say that something happened."""
        self.driver.tell(event)

    async def run(self) -> None:
        """Run every room until cancelled. The database is closed last."""
        try:
            async with serve(self.face, self.settings.debug) as doors, asyncio.TaskGroup() as tasks:
                logger.info(
                    "The page of this device is %s", f"at {doors.url}" if doors.url else "closed (debug.port)"
                )
                known = self.driver.state.surroundings
                self.rooms.reporter.room.consent_changed(known.consent)
                self.emit(ev.ResidentDecided(known.consent, known.limits))
                for name, room in (
                    ("engine", self.driver.run()),
                    ("link", self.link.run()),
                    ("presence", self.presence.run()),
                    ("packs", self.rooms.shelf.run()),
                    ("render", self.renderer.run()),
                    ("measure", self.rooms.reporter.run()),
                    ("voice", self.rooms.ear.run()),
                    ("wyoming", self.rooms.wyoming.run()),
                    ("configuration", self.offers.run()),
                    ("words", self.rooms.words.run()),
                    ("watchdog", service.keep_watchdog(lambda: True)),
                ):
                    tasks.create_task(room, name=name)
                await self.rooms.shelf.room.loaded.wait()  # who asks a device that is ready is told of its packs
                self.face.ready = True
                self.face.tell_state()
                service.notify("READY=1")
        finally:
            self.timers.cancel_all()
            self.writes.now()
            self.journal.close()
            self.memory.close()

    def _something_changed(self) -> None:
        """Tell the fleet and whoever watches; nothing of it is an event to the engine."""
        self.presence.wanted()
        self.face.tell_state()

    def _mute(self, on: bool) -> None:
        """Mute or unmute at once; it stays so over a restart, as soon as the disk takes it."""
        self.rooms.mute(on)
        self.memory.remember_mute(on=on)

    async def _send(self, topic: str, payload: bytes) -> None:
        await self.link.publish(f"{self.settings.mqtt.root}/{topic}", payload)

    # --- effects and events ------------------------------------------------------------------------------------

    def _carry(self, effect: fx.Effect) -> None:  # noqa: C901, PLR0912  one line a kind of effect
        match effect:
            case fx.StartPlay():
                self.own_sounds.starts(effect.play)
                self.renderer.start(effect.play)
            case fx.ClosePlay():
                self.renderer.close(effect.play_id, effect.cause)
            case fx.StageBoot():
                self.renderer.stage(effect.play)
            case fx.AnswerSlot():
                self.face.answered(effect)
                self.writes.hold()  # the asker has 50 ms, and a memory card may take as long to write
            case fx.RecordDecision():
                self._journal(self.journal.record_decision, effect.decision)
                self.metrics.decided(effect.decision)
                self.face.decided(effect.decision)
            case fx.RecordPlay():
                self._journal(self.journal.record_play, effect.play)
            case fx.RecordPlayEvent():
                self._journal(self.journal.record_event, effect.event)
                self.writes.add(partial(self.face.tell_play, effect.event.play_id))
            case fx.RecordClose():
                self._journal(self.journal.record_close, effect.play_id, effect.cause)
                self.writes.add(partial(self.face.tell_play, effect.play_id))
            case fx.ListenFor():
                self.rooms.ear.room.listen_for(effect.phrases)
            case fx.RememberResident():
                self._remember(effect)
            case fx.ExplainPlay():
                self.face.explained(effect.reason)
            case fx.PlayCue():
                self.renderer.cue(effect.cue)
            case fx.SetTimer():
                self.timers.set(effect.name, effect.at)
            case _:
                assert_never(effect)

    def _journal(self, write: Callable[..., None], *what: object) -> None:
        """Write to the journal, which holds what a full disk refuses, and tells of it itself."""
        self.writes.add(partial(_write, write, *what))

    def _remember(self, effect: fx.RememberResident) -> None:
        """Make the resident's choice durable; it holds from this moment even where the disk refuses."""
        self.memory.remember(effect.consent, effect.limits)
        self.rooms.reporter.room.consent_changed(effect.consent)

    def _noticed(self, event: ev.Event) -> None:
        self.writes.release()
        self.metrics.noticed(event)
        self.face.noticed(event)
        match event:
            case ev.CatalogChanged():
                self.rooms.reporter.room.catalog_changed(event.catalog)
                self.presence.wanted()
                _settle_memory()
            case ev.PlayProgressed():
                self.own_sounds.progressed(event.event)
            case ev.MicrophoneChanged():
                self._microphone_changed(event.microphone)
            case _:
                pass

    def _microphone_changed(self, microphone: Microphone) -> None:
        self.renderer.microphone(microphone)
        if microphone is Microphone.LOST:
            lost = MicrophoneError("The microphone is lost.", "Check that it is plugged in; it is tried again.")
            self.troubles.begin("microphone", lost, logging.DEBUG)  # the ear told of it
        else:
            self.troubles.forget("microphone")
        self.presence.wanted()

    async def _live_by(self, settings: Settings) -> None:
        """Make the agent live by `settings`; raises EdgeAgentError, before anything changed, when it cannot."""
        await self.rooms.live_by(settings)
        self.settings = self.face.settings = settings
        self.emit(ev.PolicyChanged(settings.placements, settings.voice.wake_phrases))

    # --- what others see ---------------------------------------------------------------------------------------

    def _sights(self) -> Sights:
        return Sights(
            link=self._link_view,
            repository_version=lambda: self.rooms.shelf.room.repository_version,
            config_version=lambda: self.trial.version,
            metrics=self.metrics.exposition,
            pack_reasons=self.rooms.pack_reasons,
            asset_sources=self.rooms.asset_sources,
            pack_places=self.rooms.pack_places,
            asset_roots=(self.settings.packs.directory, self.settings.render.boot_directory),
        )

    def _link_view(self) -> LinkView:
        status, mqtt = self.link.status, self.settings.mqtt
        return LinkView(
            status="connected" if status.connected else "connecting",
            broker=f"{mqtt.host}:{mqtt.port}",
            since=status.since.isoformat(),
        )

    def _reported_state(self) -> bytes:
        return reported_state(
            self.settings.profile.name,
            self.trial.outcome,
            self.troubles.lasting,
            repository_version=self.rooms.shelf.room.repository_version,
            microphone=self.driver.state.surroundings.device.microphone,
        ).to_payload()


def _write(write: Callable[..., None], *what: object) -> None:
    with suppress(StorageError):
        write(*what)


def _settle_memory() -> None:
    """Take what lives long out of the garbage collector's sight: walking a large catalog would stall decisions."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
