"""The model card: what the model is, how it was made, and how well it does."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import Final

from edge_agent.voice.training.model_directory import OperatingPoint
from edge_agent.voice.training.people import OTHER_WORDS_SHARE
from edge_agent.voice.training.rehearsal import Rehearsed
from edge_agent.voice.training.synthesis import ACCENTS, SPEAKERS

MEASURED_START: Final = "<!-- measured: start -->"
MEASURED_END: Final = "<!-- measured: end -->"
"""Between these lines stands what was measured on people; a benchmark fills it in."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How one model came to be."""

    language: str
    seed: int
    utterances: int
    hours: float
    minutes: float
    steps: int
    frame_accuracy: float
    words: int
    parameters: int
    size_bytes: int
    point: OperatingPoint
    rehearsed: Rehearsed
    people: int = 0
    """How many recordings of people who say a phrase it learnt from."""
    people_of_other_words: int = 0
    """How many of people who say something else."""
    refining_steps: int = 0
    """How many of the steps were made with whole strings of phones in view."""
    steps_before: int = 0
    """How many of the steps made the network that this one began with."""


_CARD: Final = Template("""\
# Speech model `$language`

A small model for [Vosk](https://alphacephei.com/vosk/), made to hear wake phrases and short commands with a grammar
given at run time (`KaldiRecognizer(model, 16000, '["hey device", "[unk]"]')`). It is not made for dictation.

- Licence: Apache-2.0, like the software it comes with. No weights of another model went into it.
- $whose
- Size: $megabytes MB. $parameters parameters of a byte each, $words words. 16 kHz mono, no i-vectors.
- Network: 40 cepstra, six time-delay layers over 18 frames to each side, 42 outputs (silence and 41 phones, one state
  each, no context), a frame every 30 ms.

## How it was made
`python -m edge_agent.voice.training --out DIR --minutes $minutes --seed $seed$adapt`

1. $utterances utterances: espeak-ng ($accents accents, $speakers invented speakers), flite (slt, awb, rms,
   kal16) and festival (slt-hts, ked), which all say where each phone begins, so no alignment was needed. Texts: our
   own lists of phrases, sentences and words.
2. Each heard twice under drawn conditions: speed, silence, room, microphone response, noise, babble, music, clipping,
   telephone coding and level; $hours hours.
3. $steps steps of frame cross-entropy, with vocal tract length, response and bands drawn anew for each.
4. $refined
5. Pronunciations by espeak-ng and CMUdict (with the notice below), and how people who call a device differ from
   them (`lexicon.as_people_say`); words as a prefix tree, `[unk]` as a free string of phones.

In the end $accuracy of the (augmented) frames were named rightly.

The words alexa, amelia, athena, computer, glass, snowboy and view were in no text that a synthesiser said (compute,
snow, boy and review were).

## Operating point
Acoustic scale $scale, `[unk]` $word and $phone per phone. It stands in `conf/model.conf` and in the graph.
$why

## How well it does
On synthetic voices heard in training, one of 12 phrases each: $heard of $said heard; in sentences without one,
$wrongly of $sentences took one to be there.

$measured_start
Not measured on people's recordings yet: `python -m tests.bench.wake --card README.md` fills this in.
$measured_end

## What it is bad at
Phrases that differ from another by one sound ("hey divide" for "hey device") are taken for it: choose wake phrases of
three syllables or more with sounds of their own. Short single words are heard in other words. A word that is not in
`graph/words.txt` cannot be asked for. Children and strong accents are only approximated by changed synthetic voices.

## Notices
CMUdict in festival's form: Copyright (c) 1996, 1997 Centre for Speech Technology Research, University of Edinburgh,
UK; based on CMUDICT 0.4, Carnegie Mellon University. Provided "as is", without warranty of any kind; entries were
changed (phones renamed, variants added).
""")

_REFINED: Final = """\
{steps:,} more steps in which, beside the single frames, what was said had to win over every other string
   of phones (lattice-free MMI).{people}"""
_PEOPLE_HEARD: Final = """
   A quarter of what they saw were {people:,} recordings of people, aligned by the network of step 3, each heard 12
   times under such conditions too, and {share:.0%} were {others} recordings of other words in English and
   Spanish, which nobody wrote down, as that network heard them."""
_WITHOUT_PEOPLE: Final = """\
No recording of anybody went into it, apart from those inside the synthesisers' voices."""
_WITH_PEOPLE: Final = """\
It is adapted on recordings of people (step 4): one half, drawn once for ever by name (`people.part_of`), of the wake
  words of the Picovoice wake-word-benchmark (Apache-2.0) and of Mycroft's Precise-Community-Data (dedicated to the
  public domain). They are not part of this repository; the other half only measures."""

WHY: Final = """\
Chosen with a network of this recipe that was not adapted, on six phrases, 60 recordings of each, and 36 minutes of
the hardest negatives: other people's wake words said alone. In ordinary talk false accepts are rarer.

| acoustic scale / `[unk]` / per phone | hits | false accepts an hour |
| --- | --- | --- |
| 0.2 / 3 / 1.2 | 92.4 % | 87 |
| 0.2 / 2 / 1.3 (24 minutes of negatives) | 89.1 % | 60 |
| 0.25 / 0 / 1.8 | 84.9 % | 10 |
| **0.2 / 0 / 1.5** | 84.0 % | 7 |
| 0.3 / -2 / 2.2 | 77.5 % | 3 |

Five points more hits for five times the false accepts is a bad bargain for a device that answers with a placement,
and a positive cost of `[unk]` hardly finds a phrase inside running speech."""


def model_card(made: Provenance) -> str:
    """Return the text of the model's README.md."""
    people = (
        _PEOPLE_HEARD.format(people=made.people, others=made.people_of_other_words, share=OTHER_WORDS_SHARE)
        if made.people
        else ""
    )
    return _CARD.substitute(
        whose=_WITH_PEOPLE if made.people else _WITHOUT_PEOPLE,
        adapt=" --adapt RECORDINGS" if made.people else "",
        refined=_REFINED.format(steps=made.refining_steps, people=people),
        language=made.language,
        seed=made.seed,
        utterances=f"{made.utterances:,}",
        accents=len(set(ACCENTS)),
        speakers=len(SPEAKERS),
        hours=f"{made.hours:.0f}",
        minutes=f"{made.minutes:g}",
        steps=f"{made.steps - made.refining_steps:,}",
        accuracy=f"{made.frame_accuracy:.0%}",
        words=f"{made.words:,}",
        parameters=f"{made.parameters / 1e6:.2f} million",
        megabytes=f"{made.size_bytes / 1e6:.1f}",
        scale=made.point.acoustic_scale,
        word=made.point.unknown_word.word,
        phone=made.point.unknown_word.phone,
        why=WHY,
        said=made.rehearsed.said,
        heard=made.rehearsed.heard,
        sentences=made.rehearsed.sentences,
        wrongly=made.rehearsed.heard_wrongly,
        measured_start=MEASURED_START,
        measured_end=MEASURED_END,
    )
