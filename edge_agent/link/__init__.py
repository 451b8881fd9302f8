"""MQTT session, topics and reported state: talk to the broker.

`Link` (session.py) is the door: `run`, `fetch`, `fetch_many`, `publish`, `on`, `status`, `changes`, `connected`.
Pure: `topics`, `backoff`, `listeners`, `reported_state`. Shell: `session`, `connection` (aiomqtt), `retained`
(timers), `status` (events), `credentials` (files).
"""
