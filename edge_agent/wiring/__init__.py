"""What `app.py` is made of: each file answers one question about a running agent, and none decides anything.

beginning        what does the engine know when it starts?
driver           who calls the engine, and carries out what it asks?
timers           when is it time?
restartable      how does a room take another's place while the agent runs?
rooms            which rooms does configuration replace, and what must the new one know?
voice_packs      how does the device learn the words that the operator signed?
trial            does the newest remote configuration work?
own_sounds       what does this device play itself?
playing          what is rendered, as the packs room asks?
resident_memory  is the resident's choice on the disk yet?
writes           what may be written a moment later, since somebody waits for an answer?
presence         when is the fleet told of this device? `reported` is what
retained_repository  how do packs reach the broker?
face, metrics    what may a person on this device see and do?
service          what does systemd want to hear?
"""
