#!/usr/bin/env bash
# Prepare .venv: everything that `make localnet` and `make test` need, at the pinned versions. Skips what is done.
#
# Uses uv as installer where pip can get it (five to ten times faster), else pip itself; the versions are the same.
# torch's build is chosen by what is there (scripts/torch_flags.sh); PIP_FIND_LINKS and PIP_EXTRA_INDEX_URL are honoured.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
stamp=.venv/ready-$(cat pyproject.toml constraints.txt scripts/setup.sh | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')
if [ -e "$stamp" ]; then
  exit 0
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
  echo "setup: expected Python 3.11 to 3.13, got $("$python" --version 2>&1): set PYTHON=/path/to/python3.11" >&2
  exit 1
fi
began=$(date +%s)
echo "setup: preparing .venv"
[ -x .venv/bin/python ] || "$python" -m venv .venv
if .venv/bin/python -m pip install -q uv >/dev/null 2>&1; then
  flags=$(scripts/torch_flags.sh)
  UV_FIND_LINKS=${PIP_FIND_LINKS:-} VIRTUAL_ENV=.venv .venv/bin/uv pip install -q $flags --compile-bytecode -c constraints.txt -e '.[dev]'
else
  echo "setup: no uv here, using pip (slower)"
  .venv/bin/python -m pip install -q -c constraints.txt -e '.[dev]' 2>/dev/null
fi
# Tasks that run code need bubblewrap: installed where that is allowed, else said.
if ! command -v bwrap >/dev/null && [ "$(uname -s)" = Linux ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    (apt-get install -y -q bubblewrap || (apt-get update -q && apt-get install -y -q bubblewrap)) >/dev/null 2>&1 ||
      echo "NOTICE: bubblewrap could not be installed: tasks that run code do not work, their tests are SKIPPED"
  else
    echo "NOTICE: tasks that run code need bubblewrap, their tests are SKIPPED: sudo apt-get install bubblewrap"
  fi
fi
# One of reasoning-gym's dependencies is built from source: without a C compiler its environments and tests are left out.
if command -v cc >/dev/null; then
  .venv/bin/python -m pip install -q -c constraints.txt -e '.[envs]' 2>/dev/null || echo "NOTICE: reasoning-gym could not be installed: its tests are SKIPPED"
else
  echo "NOTICE: no C compiler: reasoning-gym is left out, its tests are SKIPPED"
fi
rm -f .venv/ready-*
echo $(($(date +%s) - began)) > .venv/setup-seconds
touch "$stamp"
echo "setup: done in $(cat .venv/setup-seconds) s"
