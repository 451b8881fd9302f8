"""Work that is killed at random instants: `victims` does it, tests/e2e/test_power_cuts.py judges what is left."""
