"""What this device was told to do, and by whom.

Defaults < device profile < signed remote (fleet, group, device) < local agent.toml < the resident's limits.
`rooms` holds one small frozen slice for each room, `profile` the device profile, `layers` the merging.
"""
