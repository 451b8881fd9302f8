"""Takes up the voice pack that the operator signed, while the agent runs.

1. The document's signature was verified by the packs room; read it (`packs.voice_pack`).
2. It is for the network that this device has, or nothing is fetched.
3. Fetch what is missing, chunk by chunk, each verified by its hash.
4. Make a model of the network here and the words that came, and look at its structure (`voice.fitting`).
5. Load it once in a process of its own (`voice.trying`).
6. Make it the one in use, also after a restart; then let the ear change to it between two blocks of audio, and
   remove what was fitted before.
7. Offer remote configuration again: a phrase in it may have waited for these words.

What fails on the way is one lasting trouble with one sentence, and the old words stay. What may come right by itself
(the link, the disk) is tried again, ever more rarely.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.model.errors import EdgeAgentError, FormatError, VoiceError
from edge_agent.packs.formats.voice_pack import VoicePack, parse_voice_pack, voice_target
from edge_agent.packs.sync import PackShelf
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.troubles import Troubles
from edge_agent.voice import fitting
from edge_agent.voice.models import Model, model_for
from edge_agent.voice.trying import try_model

_log = logging.getLogger(__name__)

_SUBJECT: Final = "voice pack"
_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What voice packs act on: the newest settings and shelf, the ears, and who waits for new words."""

    settings: Callable[[], VoiceSettings]
    shelf: Callable[[], PackShelf]
    hear_with: Callable[[Model], Awaitable[None]]
    words_changed: Callable[[], None]


class VoicePacks:
    """Keeps the words that are heard like the signed voice pack of this device's language."""

    def __init__(self, reach: Reach, troubles: Troubles) -> None:
        self._reach = reach
        self._troubles = troubles
        self._document: bytes | None = None
        self._changed = asyncio.Event()

    @property
    def target(self) -> str:
        """The name of the document to ask the shelf for."""
        return voice_target(self._reach.settings().lang)

    def document_changed(self, _name: str, content: bytes | None) -> None:
        """Take the verified document, or its withdrawal."""
        self._document = content
        self._changed.set()

    async def run(self) -> None:
        """Follow the newest document until cancelled."""
        while True:
            await self._changed.wait()
            pause_s = _FIRST_PAUSE_S
            while not await self._followed():
                try:
                    async with asyncio.timeout(pause_s):
                        await self._changed.wait()
                except TimeoutError:
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _followed(self) -> bool:
        """Do what the newest document says once; return whether nothing needs to be tried again."""
        self._changed.clear()
        try:
            if self._document is None:
                await self._without()
            else:
                await self._with(parse_voice_pack(self._document, self.target))
        except (VoiceError, FormatError) as error:
            self._troubles.begin(_SUBJECT, error, more="The words of before are heard.")
            return True
        except EdgeAgentError as error:
            self._troubles.begin(_SUBJECT, error, more="The words of before are heard.")
            return False
        self._troubles.end(_SUBJECT)
        return True

    async def _without(self) -> None:
        settings = self._reach.settings()
        self._reach.shelf().let_go(f"voice/{settings.lang}")
        place = fitting.fitted_directory(settings)
        if place is None or not place.is_dir():
            return
        base = model_for(settings)
        if await asyncio.to_thread(fitting.in_use, base, place) is base:
            return
        await asyncio.to_thread(fitting.forget, place)
        _log.info("The voice pack was withdrawn: the model's own words are heard.")
        await self._reach.hear_with(base)
        await asyncio.to_thread(fitting.tidy, place, base)

    async def _with(self, pack: VoicePack) -> None:
        settings = self._reach.settings()
        base, place = model_for(settings), _place(settings)
        if await asyncio.to_thread(fitting.base_hash, base.directory) != pack.base:
            raise VoiceError(
                f"The voice pack {pack.shelf_name}, version {pack.version}, is for another speech model.",
                "Make it with edge-agent model add-phrases --model, from the model that devices have.",
            )
        paths = await self._reach.shelf().bring(pack)
        files = {
            name: fitting.Brought(paths[name], file.sha256, file.length)
            for name, file in pack.files.items()
            if name in paths
        }
        before = await asyncio.to_thread(fitting.in_use, base, place)
        if before.directory.name == fitting.name_of(base, files) and before is not base:
            return
        fitted = await asyncio.to_thread(fitting.fit, base, files, place)
        try:
            await try_model(fitted.directory, pack.phrases)
        except VoiceError:
            await asyncio.to_thread(shutil.rmtree, fitted.directory, ignore_errors=True)
            raise
        await asyncio.to_thread(fitting.use, base, fitted, place)
        _log.info("The words of the voice pack, version %s, are heard from now on.", pack.version)
        await self._reach.hear_with(fitted)
        self._reach.words_changed()
        await asyncio.to_thread(fitting.tidy, place, fitted)


def _place(settings: VoiceSettings) -> Path:
    place = fitting.fitted_directory(settings)
    if place is None:
        raise VoiceError("There is no folder for voice packs.", "Set voice.models_directory in agent.toml.")
    return place
