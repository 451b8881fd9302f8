"""The virtual device's light beside its microphone: `$EDGE_AGENT_RUNTIME/microphone.json`."""

from hook_io import HookIo, write_whole


def microphone() -> None:
    """Keep what the microphone is doing where a person could look."""
    io = HookIo()
    write_whole(io.runtime / "microphone.json", {"microphone": io.request["microphone"]})
    io.say("complete")
