"""Hook runner, boot stage and proof of play: show it, say it, close it, and prove it.

Pure: `hook_protocol` (one line), `hook_output` (framing and limits), `event_order` (the table of legal orders),
`hook_request` (what a hook is told), `watch_protocol` (what a device says), `restart_delay`.
Shell: `hook_process` (processes), `boot_stage` (files), `play_run`, `staging`, `watcher`, `renderer` (tasks, timers).
"""
