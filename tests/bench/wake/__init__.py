"""How well wake phrases that were never taught are heard from real people, beside PocketSphinx."""
