"""The Wyoming protocol, both ways: satellites feed the ear (`source`), Home Assistant uses the engine (`service`).

protocol   messages and addresses, with every bound that a stranger's bytes need; pure
engine     the model that all clients share
session    what one client's messages mean, and what is answered (`reply`); pure but for the decoding
offer      what `describe` is answered with
mute       whether the device is muted, and was meanwhile
audio      a stream of any announced format as ours; `stamps` has its timestamps
server     connections, one decoding thread, bounds; `service` runs it inside the agent
places     who gives way when there are too many connections; pure
source     satellites that we connect to, as audio sources; `door` those that connect to us; `peer` and `sockets`
           are the sockets under both
complaints what is told of a misbehaving peer, and how often
"""
