"""Say near-words to the packaged model, and put how often they are taken for the phrase beside the score.

For some common words X, "hey X" is listened for while "hey Y" is said, Y being words that sound ever less like
X. Everything is synthetic speech, so this measures the score's order, not how people are heard. Needs espeak-ng.

    python -m tests.bench.phrases [--words 140] [--voices 4] [--seed 3]
"""

import argparse
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from statistics import mean

import numpy as np
from scipy.stats import spearmanr

from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.models import check_model, packaged_models
from edge_agent.voice.phrases.confusability import score, share, ways_to_say
from edge_agent.voice.phrases.sounds import Pronunciations, sound_system
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.lexicon import parse_lexicon
from edge_agent.voice.training.resampling import to_model_rate
from edge_agent.voice.training.texts import load_texts

VOICES = (
    ("en-us+m3", 160, 45),
    ("en-us+f2", 150, 60),
    ("en-gb-x-rp+m7", 170, 40),
    ("en-us+Andy", 150, 50),
    ("en-us+Annie", 165, 55),
    ("en+f4", 140, 50),
    ("en-us+linda", 155, 50),
    ("en-us+michel", 175, 45),
)
NEIGHBOURS = (0, 1, 3, 10)
BANDS = (0, 10, 20, 30, 45, 60, 70, 85, 101)


def said(text: str, voice: tuple[str, int, int]) -> bytes:
    """Return `text` in that voice, with quiet around it."""
    name, words_per_minute, pitch = voice
    samples, _ = espeak().speak(text, voice=name, words_per_minute=words_per_minute, pitch=pitch, range_=50, gap=0)
    quiet = np.zeros(RATE * 6 // 10)
    speech = np.concatenate([quiet, to_model_rate(samples, espeak().rate_hz), quiet])
    noisy = speech + np.random.default_rng(1).normal(0, 30, len(speech))
    return np.clip(noisy, -32768, 32767).astype("<i2").tobytes()


def pairs(lexicon: Mapping[str, Pronunciations], words: int, seed: int) -> list[tuple[str, str, int]]:
    """Return (X, Y, score of "hey X" against "hey Y")."""
    texts, sounds, draw = load_texts("en"), sound_system("en"), Random(seed)
    usual = dict.fromkeys([*texts.everyday, *texts.common[:4000]])
    pool = [word for word in usual if word in lexicon and 4 <= len(lexicon[word][0]) <= 9]
    draw.shuffle(pool)
    found = []
    for word in pool[:words]:
        near = sorted(
            (-share(lexicon[word][0], lexicon[other][0], sounds), other) for other in pool[:1500] if other != word
        )
        mine = ways_to_say([lexicon["hey"], lexicon[word]])
        for place in NEIGHBOURS:
            other = near[place][1]
            theirs = ways_to_say([lexicon["hey"], lexicon[other]])
            found.append((word, other, score(max(share(a, b, sounds) for a in mine for b in theirs))))
    return found


def confused(word: str, other: str, model: SpeechModel, voices: Sequence[tuple[str, int, int]]) -> float:
    """Return the share of voices whose "hey Y" is taken for "hey X"."""
    vocabulary = check_model(model.directory).vocabulary()
    return mean(bool(spot_audio(said(f"hey {other}", voice), [f"hey {word}"], model, vocabulary)) for voice in voices)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=140)
    parser.add_argument("--voices", type=int, default=4)
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    found = check_model(packaged_models()["en"])
    lexicon = parse_lexicon((found.directory / "graph" / "lexicon.txt").read_text("utf-8"))
    model = found.load()
    rows = [
        (points, confused(word, other, model, VOICES[: options.voices]))
        for word, other, points in pairs(lexicon, options.words, options.seed)
    ]
    print("| score | pairs | taken for the phrase |\n|---|---|---|")
    for low, high in pairwise(BANDS):
        band = [rate for points, rate in rows if low <= points < high]
        if band:
            print(f"| {low} to {high - 1} | {len(band)} | {100 * mean(band):.0f} % |")
    order = spearmanr([points for points, _ in rows], [rate for _, rate in rows]).statistic
    print(f"\n{len(rows)} pairs, {options.voices} voices each; rank correlation {order:.2f}")


if __name__ == "__main__":
    main()
