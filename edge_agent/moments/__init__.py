"""Permission rules (pure): may anything be placed now?"""
