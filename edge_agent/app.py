"""The composition root: wires the rooms; no logic."""
