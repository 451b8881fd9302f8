"""The engine (pure): event in, effects out."""
