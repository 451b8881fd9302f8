"""What is signed and carried, as it is written: packs, lists of chunks, revocations, voice packs. Pure."""
