"""What is shown or played must be of a type that the device renders, each turn of a dialogue included."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

TEXT: Final = "text/plain"
"""What a spoken creative without sound of its own is: words, for a hook or a software that has a voice."""

_NO_SOUND: Final = Wording("mime.no_sound", "It has words but no sound, and this device has no voice of its own.")
_NO_ASSET: Final = Wording("mime.no_asset", "Its pack has no asset {asset}.")
_OTHER_TYPE: Final = Wording("mime.type", "This device does not render {mime} in this format.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject a type that the device does not render; device software that speaks by itself only needs the words."""
    slot = question.slot
    if slot.inline and slot.format.is_spoken:
        return None
    names = candidate.creative.asset_names()
    if not names and TEXT not in slot.mime:
        return _NO_SOUND()
    for name in names:
        asset = candidate.pack.assets.get(name)
        if asset is None:
            return _NO_ASSET(asset=name)
        if asset.mime.lower() not in slot.mime:
            return _OTHER_TYPE(mime=asset.mime)
    return None
