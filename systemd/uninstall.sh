#!/bin/sh
# Removes the service and the program. --purge also removes everything that it kept: packs, plays, consent, settings.
# The user edge-agent stays, so that its number is not given to somebody else.
set -eu

main() {
  [ "$(id -u)" = 0 ] || {
    echo "edge-agent: run this as root (sudo sh $0)." >&2
    exit 1
  }
  systemctl disable --now edge-agent.service 2>/dev/null || true
  rm -f /etc/systemd/system/edge-agent.service /usr/lib/sysusers.d/edge-agent.conf \
    /usr/lib/tmpfiles.d/edge-agent.conf /usr/local/bin/edge-agent
  rm -rf /opt/edge-agent
  systemctl daemon-reload
  if [ "${1:-}" = --purge ]; then rm -rf /var/lib/edge-agent /etc/edge-agent /run/edge-agent; fi
}

# The whole file is read before anything runs: it may be among what is removed.
main "$@"
exit
