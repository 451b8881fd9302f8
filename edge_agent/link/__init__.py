"""MQTT session, topics and reported state: talk to the broker."""
