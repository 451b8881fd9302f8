"""How well the device tells its own voice from people, and hears people over it."""
