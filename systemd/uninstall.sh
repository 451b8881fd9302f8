#!/bin/sh
# Removes the service and the program. --purge also removes everything that it kept: packs, plays, consent, settings.
set -eu
[ "$(id -u)" = 0 ] || { echo "edge-agent: run this as root (sudo $0)." >&2; exit 1; }
systemctl disable --now edge-agent 2>/dev/null || true
rm -f /etc/systemd/system/edge-agent.service /usr/lib/sysusers.d/edge-agent.conf /usr/lib/tmpfiles.d/edge-agent.conf \
  /usr/local/bin/edge-agent
rm -rf /opt/edge-agent
systemctl daemon-reload
if [ "${1:-}" = --purge ]; then rm -rf /var/lib/edge-agent /etc/edge-agent /run/edge-agent; fi
