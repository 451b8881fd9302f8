"""Audio sources, recogniser, grammar, models and dialogue: what was said?

Audio goes down this list, and what was heard comes out of `ear` as events.

ear          the door: a thread, a source, what to listen for, mute; `recogniser` is the thread
sources      the port: `source_wav`, `source_raw`, `source_microphone`, `source_pulse`, `source_portaudio`,
             `wyoming/` (satellites)
conversion   any rate and channels as ours; `wav` for files, `libspeexdsp` beneath
backlog      what waits to be decoded, bounded
echo         what we play ourselves is taken out; `own_voice` keeps it from waking or answering us
gate, gated  silence costs nothing
spotting     audio in, detections out: `libvosk` decodes with `grammar`, `patience` says when to test a phrase,
             `sounds/` looks at its sounds, `foreground` at who is near by, `spotter` decides by `thresholds`
dialogue     what may be said now, and what it means

models       which model; `installing` gets others, `fitting` gives it new words (`fst` checks them), `trying` tries
phrases/     the operator's side: new words, and how easily they are confused
training/    how our models are made; the extra `train`
check        does a voice configuration work at all?
"""
