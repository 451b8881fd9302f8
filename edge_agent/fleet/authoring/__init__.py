"""A pack as its author writes it: made, read, judged, rendered to look at and listen to. Nothing is signed here."""
