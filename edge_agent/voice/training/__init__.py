"""Train our speech model from synthetic speech, and from recordings of people where there are some.

Nothing here runs on a device: it needs the extra `train` and Debian packages, and
`train_model` names what is missing. Importing this package needs neither.
"""

from edge_agent.voice.training.errors import TrainingError
from edge_agent.voice.training.recipe import MINUTES, SEED, train_model

__all__ = ["MINUTES", "SEED", "TrainingError", "train_model"]
