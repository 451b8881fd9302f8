"""Everything that the packs room keeps on the disk. Made for power cuts and full disks."""
