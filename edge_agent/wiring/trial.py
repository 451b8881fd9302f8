"""The trial of remote configuration: signed documents are taken whole, tried, and kept or rolled back.

1. Pick the documents that are for this device: fleet, its groups in order, the device itself.
2. Read each and lay it under agent.toml; a document that is wrong refuses the whole and changes nothing.
3. Write down that it is tried, and for which time, before living by it: what held before holds at the next start. A
   power cut says nothing of it, and it is tried again; where it was cut short `MOST_TIMES`, the agent dies on it.
4. Live by it; when a room cannot, go back to what held before and remember the refusal. Say the outcome.
5. Confirm once the agent has lived by it for `LIVES_FOR_S`, or a newer one is tried: one that kills the agent a
   little later is cut short, too.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge_agent.model.errors import EdgeAgentError, SettingsError, StorageError
from edge_agent.settings.layers import Settings, load_settings
from edge_agent.settings.remote import MAX_VERSION, Refusal, RemoteShelf, first_unfit, parse_remote
from edge_agent.troubles import Troubles

logger = logging.getLogger(__name__)

DISK_RETRY_S: Final = 5.0
"""How long until a disk that refused is tried again."""
LIVES_FOR_S: Final = 120.0
"""How long the agent has to live by a configuration that then counts as good: a loop of crashes is shorter, and three
evenings in a row on which a device loses its power so soon are rare."""
MOST_TIMES: Final = 3
"""How often a trial may be cut short: one that kills the agent is then given up."""
DIED: Final = f"The agent stopped each of the {MOST_TIMES} times that it was tried."
_SUBJECT: Final = "remote configuration"

OutcomeName = Literal["none", "applied", "refused", "rolled_back"]


@dataclass(frozen=True, slots=True)
class ConfigOutcome:
    """What came of the newest remote configuration. `version` is the highest of its documents' versions."""

    outcome: OutcomeName = "none"
    version: int | None = None
    detail: str = ""


def document_names(device_id: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets that configure this device, from least to most specific."""
    return (
        "config/fleet.json",
        *(f"config/group/{group}.json" for group in groups),
        f"config/device/{device_id}.json",
    )


class ConfigTrial:
    """Lives by the newest remote configuration that works.

    `live_by` makes the agent live by new settings and returns when every room works under them; it raises
    EdgeAgentError when one cannot.
    """

    def __init__(self, config: Path, live_by: Callable[[Settings], Awaitable[None]]) -> None:
        local = load_settings(config)
        self._config = config
        self._live_by = live_by
        self._names = document_names(local.device_id, local.groups)
        self._shelf = RemoteShelf(local.state_directory / "remote")
        self._lived: dict[str, str] = {}
        self._trying: dict[str, str] | None = None
        self.outcome = ConfigOutcome()
        self.settings = self._start(local)

    def _start(self, local: Settings) -> Settings:
        """Return the settings to start with: the last good ones; a trial that is never survived is given up."""
        unjudged = self._shelf.unconfirmed()
        if self._shelf.times() < MOST_TIMES:
            if unjudged:
                logger.warning(
                    "The trial of remote configuration %s was cut short; it is tried again.", _version(unjudged)
                )
        else:
            with suppress(StorageError):  # it is not lived by all the same; a later start remembers it
                self._shelf.roll_back(DIED)
            self.outcome = ConfigOutcome("rolled_back", _version(unjudged), DIED)
            logger.error("Remote configuration %s is rolled back: %s", _version(unjudged), DIED)
        good = self._shelf.good()
        if not good:
            return local
        try:
            settings = self._merged(good)
        except SettingsError as error:  # agent.toml or the profile changed underneath
            logger.error("%s The device starts without remote configuration.", error)  # noqa: TRY400  a sentence is enough
            return local
        self._lived = good
        if self.outcome.outcome == "none":
            self.outcome = ConfigOutcome("applied", _version(good))
        return settings

    @property
    def version(self) -> int | None:
        """The version that is lived by, which a newer one that was refused leaves as it is."""
        return _version(self._lived)

    async def offer(self, documents: Mapping[str, bytes]) -> ConfigOutcome:
        """Try the verified `documents` (by target name; others than this device's are passed over).

        What was offered and judged before is told by its outcome alone. Raises StorageError when the disk refuses
        to keep the trial or its outcome; offer the same again later.
        """
        own = {name: documents[name] for name in self._names if name in documents}
        try:
            chosen = {name: content.decode() for name, content in own.items()}
        except UnicodeDecodeError:
            broken = {name: content.decode("latin-1") for name, content in own.items()}
            return self._refuse(broken, "The configuration is not UTF-8.")
        version = _version(chosen)
        if chosen == self._lived:
            self.outcome = ConfigOutcome("applied", version) if chosen else ConfigOutcome()
            return self.outcome
        known = self._shelf.refusal(chosen)
        if known is not None and known.outcome == "rolled_back":
            self.outcome = ConfigOutcome(known.outcome, version, known.detail)
            return self.outcome
        try:
            settings = self._merged(chosen)
        except SettingsError as error:
            return self._refuse(chosen, str(error))
        before = self.settings
        self.settle()
        self._begin(chosen)
        try:
            await self._live_by(settings)
        except EdgeAgentError as error:
            await self._live_by(before)
            self._shelf.roll_back(str(error))
            self._trying = None
            return self._conclude("rolled_back", version, str(error))
        self.settings, self._lived = settings, chosen
        if not chosen:  # at the next start nobody would tell of the withdrawal again
            self.settle()
        return self._conclude("applied", version, "")

    @property
    def is_settled(self) -> bool:
        """Whether what is lived by holds at the next start."""
        return self._trying is None or self._trying != self._lived

    def settle(self) -> None:
        """Keep what is lived by. Raises StorageError when the disk refuses."""
        if not self.is_settled:
            self._shelf.confirm()
            self._trying = None

    def _begin(self, documents: dict[str, str]) -> None:
        """Count the trial before it begins, once for as long as the agent lives, however often the disk refuses."""
        times = self._shelf.times() if documents == self._shelf.unconfirmed() else 0
        self._shelf.adopt(documents, max(1, times if documents == self._trying else times + 1))
        self._trying = documents

    def stopped(self) -> None:
        """Leave a trial that was going on to the next start: somebody stopped the agent, which did not die on it."""
        if self._trying:
            with suppress(StorageError):
                self._shelf.abandon()

    def words_changed(self) -> bool:
        """Forget that documents could not be lived by, since other words may be heard now; return whether any were.

        Documents that the agent died on are not tried again.
        """
        if self.outcome.outcome != "rolled_back" or self.outcome.detail == DIED:
            return False
        self._shelf.forget_refusal()
        return True

    def _refuse(self, documents: Mapping[str, str], detail: str) -> ConfigOutcome:
        """Refuse what is wrong; exactly the same was perhaps refused before, and is then not told of again."""
        refusal = Refusal("refused", detail)
        if self._shelf.refusal(documents) == refusal:
            self.outcome = ConfigOutcome("refused", _version(documents), detail)
            return self.outcome
        with suppress(StorageError):  # then it is told of once more at the next start
            self._shelf.refuse(documents, refusal)
        return self._conclude("refused", _version(documents), detail)

    def _merged(self, documents: Mapping[str, str]) -> Settings:
        layers = {name: parse_remote(name, text.encode())[1] for name, text in documents.items()}
        for name, layer in layers.items():
            if unfit := first_unfit(layer):
                raise SettingsError(f"{name}: {unfit}.", "Publish a corrected configuration.")
        return load_settings(self._config, list(layers.values()))

    def _conclude(self, outcome: OutcomeName, version: int | None, detail: str) -> ConfigOutcome:
        self.outcome = ConfigOutcome(outcome, version, detail)
        if version is None and outcome == "applied":
            logger.info("The remote configuration was withdrawn: agent.toml alone holds.")
        elif outcome == "applied":
            logger.info("Remote configuration %s holds.", version)
        else:
            logger.warning("Remote configuration %s was %s: %s", version, outcome.replace("_", " "), detail)
        return self.outcome


class ConfigOffers:
    """Offers the documents to the trial whenever one changes; `told` hears that there is an outcome."""

    def __init__(
        self, trial: ConfigTrial, troubles: Troubles, told: Callable[[], None], lives_for_s: float = LIVES_FOR_S
    ) -> None:
        self._trial = trial
        self._lives_for_s = lives_for_s
        self._troubles = troubles
        self._told = told
        self._documents: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._settling: asyncio.TimerHandle | None = None

    def document_changed(self, name: str, content: bytes | None) -> None:
        """Take a verified document, or its withdrawal."""
        if content is None:
            self._documents.pop(name, None)
        else:
            self._documents[name] = content
        self._changed.set()

    def words_changed(self) -> None:
        """Offer what could not be lived by once more: a wake phrase in it may have waited for these words."""
        if self._trial.words_changed():
            self._changed.set()

    async def run(self) -> None:
        """Offer until cancelled; what a full disk keeps from being tried is offered again."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                outcome = await self._trial.offer(dict(self._documents))
            except StorageError as error:
                self._troubles.begin(_SUBJECT, error)
                asyncio.get_running_loop().call_later(DISK_RETRY_S, self._changed.set)
                continue
            if outcome.outcome in {"refused", "rolled_back"}:
                refused = SettingsError(outcome.detail, "Publish a corrected configuration.")
                self._troubles.begin(_SUBJECT, refused, logging.DEBUG)  # the trial told of it
            else:
                self._troubles.forget(_SUBJECT)
            self._settle_after(self._lives_for_s)
            self._told()

    def _settle_after(self, seconds: float) -> None:
        if self._settling is not None:
            self._settling.cancel()
        if not self._trial.is_settled:
            self._settling = asyncio.get_running_loop().call_later(seconds, self._settle)

    def _settle(self) -> None:
        try:
            self._trial.settle()
        except StorageError as error:
            self._troubles.begin(_SUBJECT, error)
            self._settle_after(DISK_RETRY_S)
        else:
            self._troubles.forget(_SUBJECT)
            self._told()


def _version(documents: Mapping[str, str]) -> int | None:
    """Return the highest version that the documents claim, even of one that is refused."""
    versions = []
    for text in documents.values():
        try:
            versions.append(json.loads(text)["version"])
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return max((version for version in versions if type(version) is int and 0 < version <= MAX_VERSION), default=None)
