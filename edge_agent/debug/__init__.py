"""The HTTP endpoint and its page: let a person see and poke."""
