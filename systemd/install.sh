#!/bin/sh
# Installs Edge Agent as a systemd service on Debian and Raspberry Pi OS. Run as root; running it again upgrades.
#   systemd/install.sh [WHEEL-OR-REQUIREMENT]      (default: this checkout, or edge-agent from PyPI without one)
set -eu
[ "$(id -u)" = 0 ] || { echo "edge-agent: run this as root (sudo $0)." >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-}
[ -n "$what" ] || { [ -f "$here/../pyproject.toml" ] && what=$here/.. || what=edge-agent; }
command -v systemctl >/dev/null || { echo "edge-agent: this system has no systemd; run edge-agent run --config FILE yourself." >&2; exit 1; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  { echo "edge-agent: Python 3.11 or newer is needed (apt-get install python3 python3-venv)." >&2; exit 1; }

echo "Installing the program in /opt/edge-agent …"
[ -x /opt/edge-agent/bin/python ] || python3 -m venv /opt/edge-agent
/opt/edge-agent/bin/python -m pip install --quiet --upgrade "$what"

echo "Installing the service …"
install -m 0644 "$here/edge-agent.service" /etc/systemd/system/edge-agent.service
install -m 0644 "$here/edge-agent.sysusers" /usr/lib/sysusers.d/edge-agent.conf
install -m 0644 "$here/edge-agent.tmpfiles" /usr/lib/tmpfiles.d/edge-agent.conf
systemd-sysusers edge-agent.conf
systemd-tmpfiles --create edge-agent.conf
[ -f /etc/edge-agent/agent.toml ] || install -m 0640 -g edge-agent "$here/agent.toml" /etc/edge-agent/agent.toml
ln -sf /opt/edge-agent/bin/edge-agent /usr/local/bin/edge-agent
systemctl daemon-reload

echo "Now: edit /etc/edge-agent/agent.toml, copy the operator's root.json beside it, then"
echo "     edge-agent check && systemctl enable --now edge-agent"
