"""Whether a voice configuration can work, before anything lives by it (shell: the model's files, Vosk's library)."""

from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.fitting import heard_model
from edge_agent.voice.grammar import build_grammar
from edge_agent.voice.libvosk import ensure_loadable
from edge_agent.voice.wyoming.protocol import Address


def check_voice(settings: VoiceSettings) -> str:
    """Return one line about the source, model and phrases. Raises EdgeAgentError when they cannot work together.

    A device that neither hears nor serves Wyoming clients needs no model.
    """
    if settings.source == "off" and settings.wyoming is None:
        return "off"
    added: tuple[str, ...] = ()
    if settings.wyoming is not None:
        Address.parse(settings.wyoming.uri)
        added = settings.wyoming.phrases
    model = heard_model(settings)
    build_grammar((*settings.wake_phrases, *added), model.vocabulary())
    ensure_loadable()
    phrases = ", ".join(f'"{phrase}"' for phrase in settings.wake_phrases) or "no wake phrase"
    return f"{settings.source}, model {model.name}, {phrases}"
