"""Bringing what is missing to the disk, chunk by chunk, from broker or mirrors; nothing that comes is trusted."""
