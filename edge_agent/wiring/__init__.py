"""What `app.py` is made of: each file answers one question about a running agent, and none decides anything.

driver           who calls the engine, and carries out what it asks?
timers           when is it time?
restartable      how does a room take another's place while the agent runs?
rooms            which rooms does configuration replace, and what must the new one know?
voice_packs      how does the device learn the words that the operator signed?
trial            does the newest remote configuration work?
own_sounds       what does this device play itself?
resident_memory  is the resident's choice on the disk yet?
presence         what does the fleet know of this device, and how do packs reach the broker?
face, metrics    what may a person on this device see and do?
service          what does systemd want to hear?
"""
