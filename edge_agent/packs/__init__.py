"""Pack format, trust, blob store and catalog: what is on the shelf, and is it genuine?

What a broker hands over comes in at the top and becomes the catalog at the bottom.

sync         the door: `PackShelf`, the parts wired, what stands told
lookout      looks at the repository; `trust/` (TUF) believes it, `source` is the port to the bytes
intake       small signed documents, as `formats/` reads them
supply       which pack next, within the line's `fetching/allowance` and the disk's `room_plan` and `eviction`
fetching/    `download` brings one pack: `receiving` from a source, or by `mirrored`, `mirrors`, `mirror_client` and
             `ranges` over HTTPS; `holders` knows what is here already
parcels      the same for what is no pack
keeping/     `store`: files by hash, made for power cuts
scrub        reads what may be shown again and again
shelf        what stands, with its `shelf_record` and `shelf_status`; `catalog_builder` makes decisions' catalog
clock_watch  what time it is at least (`trust/clock_floor`); `pauses` is how long to wait
"""
