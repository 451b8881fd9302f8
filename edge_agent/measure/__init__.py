"""Journal, randomiser, sealer and outbox: what was rendered, and what may be told?"""
