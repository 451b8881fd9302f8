"""Pack format, trust, blob store and catalog: what is on the shelf, and is it genuine?

What a broker hands over comes in at the top and becomes the catalog at the bottom.

sync        the door: `PackShelf`, the parts wired, what stands told
lookout     looks at the repository; `trust` (TUF) believes it, `mqtt_fetcher` and `source` bring the bytes
intake      small signed documents; `documents`, `manifest`, `newer`, `revocations`, `voice_pack` read them
supply      which pack next, within the line's `allowance` and the disk's `room_plan` and `eviction`
download    one pack: `receiving` from a source, or by `mirrored`, `mirrors`, `mirror_client` and `ranges` over HTTPS;
            `holders` and `chunk_lists` know what is here already; `parcels` is for what is no pack
store       files by hash, made for power cuts; `flushing`, `scrub`, `threads`
shelf       what stands, with its `shelf_record` and `shelf_status`; `catalog_builder` makes decisions' catalog
clock_watch what time it is at least (`clock_floor`); `pauses` is how long to wait
"""
