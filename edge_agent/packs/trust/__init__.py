"""Whether a repository is believed, and what time it is at least: python-tuf behind our source of topics."""
