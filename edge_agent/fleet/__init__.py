"""The operator's side.

authoring/   a pack as its author writes it
signing/     who may sign, and what is signed: the folders of the operator and of an advertiser
publishing/  what is signed, on its way to brokers and mirrors
reports/     what devices report, taken in and added up

A room imports those before it alone. `provision` makes a fleet, `key_status` shows who holds which key, and `durable`
writes so that a power cut does no harm.
"""
