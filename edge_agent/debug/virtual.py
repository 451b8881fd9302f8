"""Shell (files): what the stand-in's virtual screen and speaker show and say, and their power switch.

Their hooks keep `screen/now.json` and `speaker/now.json` in the runtime directory, each replaced as a whole: the
request that is being rendered (`play`, `slot`, `creative`, `asset`) and its `dur_s`, or no `play` when nothing is.
`speaker/last.wav` is what was last played, `power.json` whether the device is on. A hook is not trusted: only media
under the agent's own folders is ever served from it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

from edge_agent.debug.shapes import ScreenView, SpeakerView
from edge_agent.model.errors import StorageError

MEDIA: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/svg+xml", "video/mp4", "video/webm"}
)
"""What a screen may show, as it is served; anything else is not."""

MAX_NOTE_BYTES: Final = 256 * 1024
LOOK_EVERY_S: Final = 0.1

_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Media:
    """A file that may be served, and its type."""

    path: Path
    mime: str


class VirtualDevices:
    """The virtual devices under `directory`; None on a real device, where nothing is present.

    Reading never raises: a file that is missing, half-written or not JSON reads as nothing being rendered.
    """

    def __init__(self, directory: Path | None, asset_roots: Sequence[Path]) -> None:
        self._directory = directory
        roots = (*asset_roots, directory) if directory is not None else tuple(asset_roots)
        self._roots = tuple(root.resolve() for root in roots)

    def screen(self) -> ScreenView:
        """Return what the screen shows."""
        note, stamp = self._note("screen")
        request = _Request(note)
        return ScreenView(
            present=stamp is not None,
            on=request.play is not None,
            play_id=request.play,
            format=request.text("format") or None,
            crid=request.text("crid") or None,
            title=request.text("title"),
            advertiser=request.text("advertiser"),
            transcript=request.text("transcript"),
            mime=request.text("mime") or None,
            w=int(request.number("w")),
            h=int(request.number("h")),
            asset=f"v1/screen/asset?{_tag(stamp)}" if self.screen_asset() is not None else None,
        )

    def screen_asset(self) -> Media | None:
        """Return the file on the screen, if it is of a type that may be served and lies in the agent's folders."""
        note, _ = self._note("screen")
        request = _Request(note)
        asset, mime = note.get("asset"), request.text("mime")
        if request.play is None or not isinstance(asset, str) or mime not in MEDIA:
            return None
        try:
            path = Path(asset).resolve()
            is_ours = path.is_file() and any(path.is_relative_to(root) for root in self._roots)
        except (OSError, ValueError):  # no path at all: too long, or with a NUL in it
            return None
        if not is_ours:
            return None
        return Media(path, mime)

    def speaker(self) -> SpeakerView:
        """Return what the speaker says."""
        note, stamp = self._note("speaker")
        request = _Request(note)
        sound = self.last_sound()
        return SpeakerView(
            present=stamp is not None or sound is not None,
            speaking=request.play is not None,
            play_id=request.play,
            crid=request.text("crid") or None,
            title=request.text("title"),
            advertiser=request.text("advertiser"),
            transcript=request.text("transcript"),
            dur_s=_number(note.get("dur_s")),
            sound=None if sound is None else f"v1/speaker/last.wav?{_tag(_stamp(sound))}",
        )

    def last_sound(self) -> Path | None:
        """Return the WAV that the speaker played last, if there is one."""
        if self._directory is None:
            return None
        path = self._directory / "speaker" / "last.wav"
        return path if path.is_file() else None

    def switch(self, *, powered: bool) -> None:
        """Move the virtual device's power switch, which its hooks look at; a real device has none here."""
        if self._directory is None:
            return
        switch = self._directory / "power.json"
        try:
            fresh = switch.with_suffix(".new")
            fresh.write_text(json.dumps({"powered": powered}), encoding="utf-8")
            fresh.replace(switch)
        except OSError as error:
            raise StorageError(
                f"The virtual device cannot be switched: {error.strerror}.", "Free some space or check the disk."
            ) from error

    async def changes(self) -> AsyncIterator[ScreenView | SpeakerView]:
        """Yield each view when it changes. Looks at the files' dates ten times a second while somebody iterates."""
        if self._directory is None:
            return
        seen: tuple[_Stamp, _Stamp] = (self._stamp_of("screen"), self._stamp_of("speaker"))
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            found = (self._stamp_of("screen"), self._stamp_of("speaker"))
            if found[0] != seen[0]:
                yield self.screen()
            if found[1] != seen[1]:
                yield self.speaker()
            seen = found

    def _stamp_of(self, device: str) -> _Stamp:
        return None if self._directory is None else _stamp(self._directory / device / "now.json")

    def _note(self, device: str) -> tuple[Mapping[str, Any], _Stamp]:
        if self._directory is None:
            return {}, None
        path = self._directory / device / "now.json"
        stamp = _stamp(path)
        try:
            with path.open("rb") as file:
                note = json.loads(file.read(MAX_NOTE_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}, stamp
        return (note if isinstance(note, dict) else {}), stamp


class _Request:
    """The parts of a hook's note that are shown, whatever else the hook wrote."""

    def __init__(self, note: Mapping[str, Any]) -> None:
        play, creative = note.get("play"), note.get("creative")
        self.play = _encodable(play) if isinstance(play, str) and play else None
        self._creative: Mapping[str, Any] = creative if self.play is not None and isinstance(creative, dict) else {}

    def text(self, name: str) -> str:
        value = self._creative.get(name)
        return _encodable(value) if isinstance(value, str) else ""

    def number(self, name: str) -> float:
        return _number(self._creative.get(name))


def _number(value: object) -> float:
    """Return a number that JSON has: no infinity, nor what is none, all of which Python reads from a note."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if isfinite(number) else 0.0


def _encodable(text: str) -> str:
    """Return a text that can be sent: half a pair of surrogates, which JSON can escape, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _tag(stamp: _Stamp) -> str:
    """Return an address part that is new for every new content, so that a page never shows an old one."""
    return "0" if stamp is None else f"{stamp[0]:x}-{stamp[2]:x}"
