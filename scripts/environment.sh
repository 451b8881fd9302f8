# Sourced by the other scripts: a virtual environment with what the project needs, made once and reused.
# shellcheck shell=bash

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf 'edge-agent: %s\n' "$*" >&2; exit 1; }

# Prints the first Python that is new enough; $PYTHON, where set, is the only one that is tried.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# What .venv must have been made from to be used as it is: these files, in this place.
environment_print() { { pwd -P; cat pyproject.toml edge_agent/__init__.py; } | cksum; }

# up_to_date EXTRAS: whether .venv holds these extras of this project, here. `dev` holds all of `demo`.
up_to_date() {
  local extras=$1 wanted=$2 stamp
  [ -x .venv/bin/python ] || return 1
  for stamp in ".venv/edge-agent-$extras.stamp" .venv/edge-agent-dev.stamp; do
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
  done
  return 1
}

# Makes .venv, or makes it anew when it cannot be used: without pip, its Python gone, or moved here from elsewhere
# (its programs name the place where they were made).
make_environment() {
  local python=$1 place
  place=$(pwd -P)
  if [ -x .venv/bin/python ] && [ "$(cat .venv/edge-agent-place 2>/dev/null || echo "$place")" = "$place" ] &&
    .venv/bin/python -m pip --version >/dev/null 2>&1; then
    return
  fi
  say "Making a virtual environment in .venv …"
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    die "$python has no venv module; install it (Debian: apt-get install python3-venv) and run this again."
  "$python" -m venv --clear .venv ||
    die "The virtual environment could not be made in $place/.venv; the lines above say why."
  printf '%s\n' "$place" > .venv/edge-agent-place
}

# Shows what pip is doing on one line, where a person is watching.
show_pip() {
  local line
  while IFS= read -r line; do
    if [ -t 2 ]; then printf '\r\033[K  %.76s' "${line#"${line%%[![:space:]]*}"}" >&2; fi
  done
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# ensure_environment EXTRAS: makes .venv hold the project (editable) with these extras.
ensure_environment() {
  local extras=$1 python wanted complaints
  wanted=$(environment_print)
  if up_to_date "$extras" "$wanted"; then return; fi
  python=$(find_python) || die "Python 3.11 or newer is needed${PYTHON:+ (PYTHON=$PYTHON is not)}; install it (Debian: apt-get install python3 python3-venv) and run this again."
  make_environment "$python"
  say "Installing what Edge Agent needs ($extras); the first time takes a minute or two …"
  complaints=.venv/edge-agent-pip.log
  if ! .venv/bin/python -m pip install --disable-pip-version-check --no-warn-script-location --progress-bar off \
    --editable ".[$extras]" 2> "$complaints" | show_pip; then
    grep -m 3 'ERROR' "$complaints" >&2 || tail -n 5 "$complaints" >&2
    die "The packages could not be installed; the lines above say why (often: no connection to the package index). Run this again."
  fi
  printf '%s' "$wanted" > ".venv/edge-agent-$extras.stamp"
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
