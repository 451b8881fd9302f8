"""MQTT session, topics and reported state: talk to the broker.

`Link` (session.py) is the door: `run`, `fetch`, `fetch_many`, `publish`, `on`, `status`, `changes`, `connected`.
Pure: `topics`, `backoff`, `listeners`, `reported_state`, `versions` (5.0 or 3.1.1), `offer` (what a broker takes),
`reasons` (why it refuses), `inflow` (packets told apart). Shell: `session`, `dialling`, `client` and `connection`
(aiomqtt), `inlet` (reads the socket for paho), `retained` (timers), `status` (events), `credentials` (files).
"""
