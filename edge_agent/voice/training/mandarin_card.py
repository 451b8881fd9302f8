"""The Mandarin model's card: what is said of every model stands in `model_card` too, here in Mandarin's terms."""

from __future__ import annotations

from string import Template
from typing import Final

from edge_agent.voice.training.mandarin import HELD_OUT_SPEAKERS, TRAINING_SPEAKERS
from edge_agent.voice.training.mandarin_phones import MANDARIN
from edge_agent.voice.training.model_card import MEASURED_END, MEASURED_START, Provenance
from edge_agent.voice.training.texts import load_texts

_CARD: Final = Template("""\
# Speech model `zh`: Mandarin

A small model for [Vosk](https://alphacephei.com/vosk/), made to hear Mandarin wake phrases and short commands, and
English ones beside them, with a grammar given at run time. It is not made for dictation.

**It was never measured on people.** There is no free recording of Mandarin speakers here and one free synthesiser;
what stands below under "How well it does" is synthetic speech by speakers that were kept out of training.

- Licence: Apache-2.0, like the software it comes with. No recording of anybody went into it apart from those inside
  the English synthesisers' voices, and no weights of another project's model.
- Size: $megabytes MB. $parameters parameters of a byte each, $words words: our own list, every character of GB 2312,
  level 1, and the words of the English phrases. 16 kHz mono, no i-vectors.
- Network: 40 cepstra, time-delay layers as in `en`, $outputs outputs (silence and $phones phones, one state each, no
  context), a frame every 30 ms.
- Phones: initials, and finals in their parts (`zhuang` is zh u a ng). No tones: the features say next to nothing
  about pitch, so that 买 and 卖 are one sound to it.

## How it was made
`python -m edge_agent.voice.training --language zh --out DIR --utterances $utterances_plain --seed $seed$how`

1. $utterances utterances: four of five in Mandarin by espeak-ng's pinyin voice ($speakers invented speakers), the
   rest English commands and words by flite (slt, awb, rms, kal16) and espeak-ng, each English sound labelled with
   the nearest Mandarin phone. They teach the English words and bring the sound of people.
2. Each heard twice under drawn conditions, as for `en`; $hours hours.
3. $steps steps of frame cross-entropy$before.
4. $refining more in which, beside the single frames, what was said had to win over every other string of phones
   (lattice-free MMI); $accuracy of the (augmented) frames were named rightly in the end.
5. Pronunciations by numbered pinyin (`readings.txt`), which was compared with espeak-ng's and Unihan's readings;
   English words as for `en`, in Mandarin's phones.

These words stand in no training text, so that the figures say what to expect of a phrase that an advertiser comes up
with: $unspoken.
These speakers said no training text: $held_out.

## Operating point
Acoustic scale $scale, `[unk]` $word and $phone per phone: those of `en`, chosen there on people's recordings.

## How well it does
On voices heard in training, one of 12 phrases each: $heard of $said heard; in sentences without one, $wrongly of
$sentences took one to be there.

$measured_start
Not measured yet: `python -m tests.bench.mandarin --card README.md` fills this in.
$measured_end

## What it is bad at
People: nobody knows how bad. Phrases that differ in tones alone are the same to it, and one other initial is often
taken for the phrase: choose wake phrases of four syllables with sounds of their own. Southern accents (zh as z, n as
l, ng as n) and 儿化 are not in its lexicon. One-syllable commands (是) are heard in other words.

## Notices
CMUdict, for the English words, in festival's form: Copyright (c) 1996, 1997 Centre for Speech Technology Research,
University of Edinburgh, UK; based on CMUDICT 0.4, Carnegie Mellon University. Provided "as is", without warranty of
any kind; entries were changed (phones renamed, variants added).
""")


def mandarin_card(made: Provenance) -> str:
    """Return the text of the model's README.md."""
    own = made.steps - made.steps_before - made.refining_steps
    return _CARD.substitute(
        seed=made.seed,
        how=f" --steps {own} --start NETWORK.pt" if made.steps_before else f" --minutes {made.minutes:g}",
        before=f", beginning with a network of {made.steps_before:,}" if made.steps_before else "",
        utterances=f"{made.utterances:,}",
        utterances_plain=made.utterances,
        speakers=len(TRAINING_SPEAKERS),
        outputs=len(MANDARIN.pdfs),
        phones=len(MANDARIN.speech),
        hours=f"{made.hours:.1f}",
        steps=f"{own:,}",
        refining=made.refining_steps,
        accuracy=f"{made.frame_accuracy:.0%}",
        words=f"{made.words:,}",
        unspoken=" ".join(load_texts("zh").unspoken),
        held_out=" ".join(HELD_OUT_SPEAKERS),
        parameters=f"{made.parameters / 1e6:.2f} million",
        megabytes=f"{made.size_bytes / 1e6:.1f}",
        scale=made.point.acoustic_scale,
        word=made.point.unknown_word.word,
        phone=made.point.unknown_word.phone,
        said=made.rehearsed.said,
        heard=made.rehearsed.heard,
        sentences=made.rehearsed.sentences,
        wrongly=made.rehearsed.heard_wrongly,
        measured_start=MEASURED_START,
        measured_end=MEASURED_END,
    )
