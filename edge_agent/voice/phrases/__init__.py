"""Phrases that nobody trained a model for: their sounds, how easily they are confused, and the graph that hears them.

For the operator's side: a device needs none of it. `adding` is the door; `confusability`, `common_speech` and
`sounds` are pure.
"""
