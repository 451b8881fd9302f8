"""Whether the score of a phrase says how often it is really confused: `python -m tests.bench.phrases`."""
