"""The agent as a whole: how long until it is ready, what it weighs, what it costs to keep."""
