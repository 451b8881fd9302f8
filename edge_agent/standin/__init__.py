"""A home to try it in: embedded broker, virtual devices, sample packs and the demo."""
