# Sourced by the other scripts: a virtual environment with what the project needs, made once and reused.
# shellcheck shell=bash

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf 'edge-agent: %s\n' "$*" >&2; exit 1; }

# Prints the first Python that is new enough.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# ensure_environment EXTRAS: makes .venv hold the project (editable) with these extras.
ensure_environment() {
  local extras=$1 python stamp wanted
  stamp=.venv/edge-agent-$extras.stamp
  wanted=$(cat pyproject.toml edge_agent/__init__.py | cksum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x .venv/bin/edge-agent ]; then return; fi
  python=$(find_python) || die "Python 3.11 or newer is needed; install it (Debian: apt-get install python3 python3-venv) and run this again."
  if [ ! -x .venv/bin/python ]; then
    say "Making a virtual environment in .venv …"
    "$python" -m venv .venv || die "The virtual environment could not be made; on Debian, run: apt-get install python3-venv"
  fi
  say "Installing what Edge Agent needs ($extras); the first time takes a minute or two …"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location --editable ".[$extras]" \
    || die "Packages could not be installed; check the connection to PyPI and run this again."
  printf '%s' "$wanted" > "$stamp"
}

# ensure_debian COMMAND PACKAGE WHY: installs a Debian package when it is missing and this is root; says so otherwise.
ensure_debian() {
  local command=$1 package=$2 why=$3
  if command -v "$command" >/dev/null 2>&1 || [ -x "/usr/sbin/$command" ]; then return 0; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "Installing $package from Debian: $why …"
    { apt-get install -y -qq --no-install-recommends "$package" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package"; }; } \
      >/dev/null 2>&1 </dev/null && return 0
  fi
  say "$package is not installed: $why is left out (as root: apt-get install $package)."
  return 1
}
