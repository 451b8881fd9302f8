"""The vocabulary: frozen types that every room speaks, and nothing that acts.

Read in this order: `formats`, `campaign`, `catalog` (what may be placed), `moment` and `device` (when),
`decision` (which, and why not the others), `wording` (how that is said), `play` (what was rendered), then
`events` and `effects` (how the rooms talk through the engine). `errors` is the tree of everything that can be wrong
with input.
"""
