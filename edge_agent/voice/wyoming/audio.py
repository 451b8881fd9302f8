"""Audio chunks of Wyoming peers as ours: 16 kHz mono s16le, whatever each announces (shell: `conversion`)."""

from edge_agent.model.errors import VoiceError, WyomingError
from edge_agent.voice.conversion import Converter
from edge_agent.voice.wyoming.protocol import AudioFormat, Message, read_message


class ChunkConverter:
    """Converts one peer's audio. Its format may change from chunk to chunk; half a frame is then dropped."""

    def __init__(self) -> None:
        self._announced: AudioFormat | None = None
        self._converter: Converter | None = None

    def convert(self, chunk: Message) -> bytes:
        """Return an `audio-chunk` as ours. Raise WyomingError when it is none, or cannot be converted here."""
        announced = read_message(AudioFormat, chunk.data)
        if self._converter is None or announced != self._announced:
            try:
                self._converter = Converter(announced.rate, announced.channels, announced.width)
            except VoiceError as error:
                raise WyomingError("sends audio that cannot be converted", "format", error.for_person()) from error
            self._announced = announced
        return self._converter.convert(chunk.payload)
