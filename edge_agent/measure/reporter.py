"""Close each local day into sealed, randomised reports, and see them off (shell: timers).

Once a day is over: what its catalog offered, and how far each creative got here, becomes one randomised answer a
creative, sealed, in the outbox. A device that is off, without a key or with a full disk at midnight does it later.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta, tzinfo
from secrets import SystemRandom

from edge_agent.measure.clock import Clock, either
from edge_agent.measure.days import ends_at, is_believable, local_day, starts_at
from edge_agent.measure.journal import Journal
from edge_agent.measure.outbox import LONGEST_RETRY, Outbox, Send
from edge_agent.measure.randomiser import Draw, PublicCreative, make_reports
from edge_agent.measure.reach import furthest
from edge_agent.measure.report_key import ReportKey, read_report_key
from edge_agent.measure.sealer import seal
from edge_agent.model.catalog import Catalog
from edge_agent.model.device import Consent
from edge_agent.model.errors import FormatError, StorageError
from edge_agent.settings.rooms import MeasureSettings

_log = logging.getLogger(__name__)
_SYSTEM_RANDOM = SystemRandom()


class Reporter:
    """The room's door for what leaves the device. All methods are for the event loop's thread.

    Nothing is made or sent before `consent_changed` brought consent to reports. `zone` is the device's time zone,
    in which a day begins and ends. `send` publishes below the topic root (see `outbox.Send`).
    """

    def __init__(
        self,
        settings: MeasureSettings,
        journal: Journal,
        send: Send,
        *,
        clock: Clock,
        draw: Draw = _SYSTEM_RANDOM.random,
        zone: tzinfo = UTC,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._draw = draw
        self._zone = zone
        self._outbox = Outbox(settings, journal, send, clock=self._clock, draw=draw)
        self._creatives: tuple[PublicCreative, ...] = ()
        self._key: ReportKey | None = None
        self._consent: Consent | None = None
        self._changed = asyncio.Event()
        self._disk = journal.troubles.about("end of the reporting day")
        self._key_trouble = journal.troubles.about("report key")

    async def run(self) -> None:
        """Close days and send reports until cancelled. Nothing that a disk, key or broker does ends it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._close_days(), name="measure: close days")
            tasks.create_task(self._outbox.run(), name="measure: send reports")

    def catalog_changed(self, catalog: Catalog) -> None:
        """Take the public catalog. Every creative of it is asked about today, whether or not it can play here."""
        self._creatives = tuple(
            PublicCreative(pack.campaign.id, creative.crid)
            for pack in catalog.packs
            for creative in pack.campaign.creatives
        )
        self._changed.set()

    def key_changed(self, document: bytes | None) -> None:
        """Take the signed report key document, or None when there is none; days wait until there is one."""
        self._key = None
        if document is not None:
            try:
                self._key = read_report_key(document)
            except FormatError as error:
                self._key_trouble.begin(error)
            else:
                self._key_trouble.end()
        self._changed.set()

    def consent_changed(self, consent: Consent) -> None:
        """Take the resident's choice. Without consent to reports, what is unsent is deleted before this returns.

        Should the disk refuse, nothing is sent all the same, and deleting is tried again.
        """
        self._consent = consent
        if not consent.reports:
            self._withdraw()
        self._changed.set()

    def unsent(self) -> int:
        """Return how many sealed reports wait for the broker."""
        return self._outbox.unsent()

    async def _close_days(self) -> None:
        while True:
            self._changed.clear()
            now = self._clock.now()
            midnight = ends_at(local_day(now, self._zone), self._zone)
            try:
                self._settle(now)
            except StorageError as error:
                self._disk.begin(error)
                midnight = min(midnight, now + LONGEST_RETRY)
            else:
                self._disk.end()
            await either(self._clock, max(midnight, now + timedelta(seconds=1)), self._changed)

    def _settle(self, now: datetime) -> None:
        """Bring everything up to `now`: open today, close what is over, forget what is old."""
        if self._consent is None or not is_believable(now):
            return
        if not self._consent.reports:
            self._outbox.withdraw()
        else:
            self._outbox.allow()
            self._outbox.offer(local_day(now, self._zone), self._creatives)
            if self._key is not None:
                self._close_what_is_over(now, self._key, self._consent.at)
        if (confirmed := self._journal.confirmed_time(now)) is not None:
            self._outbox.prune(confirmed)
            self._journal.prune(confirmed, self._settings.keep)

    def _close_what_is_over(self, now: datetime, key: ReportKey, agreed_at: datetime | None) -> None:
        for day, offered in self._outbox.open_days(before=local_day(now, self._zone)):
            start, end = starts_at(day, self._zone), ends_at(day, self._zone)
            reports = make_reports(
                day,
                offered,
                furthest(self._journal.proofs_between(start, end), agreed_at),
                epsilon=self._settings.epsilon,
                at_most=self._settings.reports_per_day,
                draw=self._draw,
            )
            self._outbox.close_day(day, end, [seal(report, key) for report in reports])

    def _withdraw(self) -> None:
        try:
            self._outbox.withdraw()
        except StorageError as error:
            self._disk.begin(error)
