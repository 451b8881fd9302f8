"""Audio sources, recogniser, grammar, models and dialogue: what was said?"""
