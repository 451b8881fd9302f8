"""Audio as Wyoming peers send it, in the format that they announce, as ours: 16 kHz mono s16le. Pure."""

from edge_agent.model.errors import WyomingError
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.wav import _to_16_bit, _to_bytes, _to_mono
from edge_agent.voice.wyoming import AudioFormat


class Converter:
    """Turns one stream of audio from the format that was `announced` into ours, piece by piece.

    Raise WyomingError for a rate that is not ours.
    """

    def __init__(self, announced: AudioFormat) -> None:
        if announced.rate != RATE:
            raise WyomingError(
                f"sends audio at {announced.rate} Hz", "format", f"Have it send {RATE} Hz, 16 bit, mono."
            )
        self.announced = announced
        self._odd = b""

    def convert(self, audio: bytes) -> bytes:
        """Return all of the audio so far that makes whole frames and was not returned before."""
        frame_bytes = self.announced.width * self.announced.channels
        audio = self._odd + audio
        whole_bytes = len(audio) // frame_bytes * frame_bytes
        self._odd = audio[whole_bytes:]
        if frame_bytes == 2:  # noqa: PLR2004  16-bit mono: ours already
            return audio[:whole_bytes]
        samples = _to_16_bit(audio[:whole_bytes], self.announced.width)
        return _to_bytes(_to_mono(samples, self.announced.channels))
