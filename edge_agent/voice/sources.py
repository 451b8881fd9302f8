"""Where audio comes from: the port, and which source a setting names. Every source gives 16 kHz mono s16le.

A source is used by one thread: `open`, then `read` again and again, then `close`. `read` waits for at most about
`WAIT_S` longer than it was told to gather, so that whoever reads can also be told to stop. A source that fails
raises MicrophoneError and may be opened again. Where audio comes in faster than it is taken, a file waits; what is
live cannot, and drops its oldest audio instead (`backlog`).

Each kind is a module of its own, loaded when it is named: a device has one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from edge_agent.model.errors import SettingsError
from edge_agent.voice.libvosk import RATE

WAIT_S: Final = 0.1
LATE_S: Final = 0.5
"""Audio that is late by so much has stopped; less is how some write, a quarter of a second at a time."""
BLOCK_BYTES: Final = RATE // 20 * 2
SILENCE: Final = bytes(round(RATE * WAIT_S) * 2)


class AudioSource(Protocol):
    """One place that audio comes from. `is_over` tells a source that has ended for good from one that is idle."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will ever come again."""
        ...

    @property
    def dropped_s(self) -> float:
        """How much audio was dropped before what `read` gave last; never less than before, while it is open."""
        ...

    def open(self) -> None:
        """Begin. Raise MicrophoneError when that is impossible now, VoiceError when it always will be."""
        ...

    def read(self, gather_s: float = 0.0) -> bytes:
        """Return the next audio, or nothing when none came within `WAIT_S`. Raise MicrophoneError when lost.

        Nobody is in a hurry where `gather_s` is given: a live source may let that much come together first, which
        spares the processor from waking up for each block.
        """
        ...

    def close(self) -> None:
        """Let go of the device. Closing twice does no harm."""
        ...


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What raw s16le audio is: samples a second, and interleaved channels."""

    rate: int = RATE
    channels: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `48000` or `48000x2` means; nothing at all is ours. Raise ValueError for anything else."""
        rate, _, channels = text.partition("x")
        return cls(int(rate or RATE), int(channels or 1))

    @property
    def bytes_a_second(self) -> int:
        """How much a second of it is."""
        return 2 * self.channels * self.rate


def source_from(text: str) -> AudioSource | None:
    """Return the source that a setting names, or None for `off`. Raise SettingsError for anything else."""
    kind, _, rest = text.partition(":")
    kind, at, format_text = kind.partition("@")
    try:
        raw = RawFormat.parse(format_text)
    except ValueError:
        kind = ""
    match kind:
        case "off" if not rest and not at:
            return None
        case "mic" if not at:
            from edge_agent.voice.source_microphone import MicrophoneSource  # noqa: PLC0415

            return MicrophoneSource(rest)
        case "wav" if rest and not at:
            from edge_agent.voice.source_wav import WavSource  # noqa: PLC0415

            return WavSource(Path(rest))
        case "pipe" if rest:
            from edge_agent.voice.source_raw import PipeSource  # noqa: PLC0415

            return PipeSource(Path(rest), raw)
        case "stdin" | "-" if not rest:
            from edge_agent.voice.source_raw import StdinSource  # noqa: PLC0415

            return StdinSource(raw)
        case "wyoming" | "wyoming-in" if rest and not at:
            from edge_agent.voice.wyoming.door import WyomingDoor  # noqa: PLC0415
            from edge_agent.voice.wyoming.protocol import Address  # noqa: PLC0415
            from edge_agent.voice.wyoming.source import WyomingSource  # noqa: PLC0415

            return (WyomingSource if kind == "wyoming" else WyomingDoor)(Address.parse(rest))
    raise SettingsError(
        f'"{text}" is no audio source.',
        "Use off, mic, mic:NAME, wav:PATH, pipe:PATH, pipe@48000x2:PATH, stdin, wyoming:HOST:PORT or "
        "wyoming-in:HOST:PORT as voice.source.",
    )
