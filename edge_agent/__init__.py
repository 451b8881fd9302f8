"""Edge Agent: welcome placements on devices in the home, with the resident in charge."""

__version__ = "0.1.0"
