"""Hook runner, boot stage and proof of play: show it, say it, close it, and prove it."""
