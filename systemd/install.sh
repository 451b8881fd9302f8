#!/bin/sh
# Installs Edge Agent as a systemd service on Debian and Raspberry Pi OS. Run as root; running it again upgrades.
#   systemd/install.sh [WHEEL-OR-REQUIREMENT]
# Without an argument: what is in /opt/edge-agent already when this file lies there, else this checkout with the
# microphone's extra.
set -eu

program=/opt/edge-agent

stop() {
  echo "edge-agent: $1" >&2
  exit 1
}

main() {
  [ "$(id -u)" = 0 ] || stop "run this as root (sudo sh $0)."
  here=$(cd "$(dirname "$0")" && pwd)
  what=${1:-}
  if [ -z "$what" ]; then
    case $here in
      "$program"/*) ;;
      *)
        [ -f "$here/../pyproject.toml" ] || stop "say which wheel: sudo sh $0 './edge_agent-….whl[mic]'"
        what="$(dirname "$here")[mic]"
        ;;
    esac
  fi
  command -v systemctl >/dev/null || stop "this system has no systemd; run edge-agent run --config FILE yourself."
  # The system's own Python, since one in somebody's home is shut to the service.
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    stop "Python 3.11 or newer is needed (apt-get install python3 python3-venv)."

  if [ -n "$what" ]; then
    echo "Installing $what in $program …"
    [ -x "$program/bin/python" ] || "$python" -m venv "$program" ||
      stop "the virtual environment could not be made (apt-get install python3-venv)."
    "$program/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$what" ||
      stop "the packages could not be installed; check the connection and run this again."
    here=$("$program/bin/python" -I -m edge_agent.shipped systemd)
  fi

  echo "Installing the service …"
  install -D -m 0644 "$here/edge-agent.service" /etc/systemd/system/edge-agent.service
  install -D -m 0644 "$here/edge-agent.sysusers" /usr/lib/sysusers.d/edge-agent.conf
  install -D -m 0644 "$here/edge-agent.tmpfiles" /usr/lib/tmpfiles.d/edge-agent.conf
  systemd-sysusers edge-agent.conf
  systemd-tmpfiles --create edge-agent.conf
  [ -f /etc/edge-agent/agent.toml ] ||
    install -m 0640 -g edge-agent "$here/agent.toml" /etc/edge-agent/agent.toml
  ln -sf "$program/bin/edge-agent" /usr/local/bin/edge-agent
  systemctl daemon-reload
  systemctl try-restart edge-agent.service

  echo "Now: edit /etc/edge-agent/agent.toml and copy the operator's root.json beside it, then"
  echo "     sudo -u edge-agent edge-agent check && sudo systemctl enable --now edge-agent"
}

# The whole file is read before anything runs: an upgrade may replace it.
main "$@"
exit
