#!/usr/bin/env bash
# Install Grail as a service on Debian or Ubuntu, from the clone that this script lies in. Run it again to upgrade.
#
#   sudo deploy/install.sh               user, programs, folders, units
#   sudo deploy/install.sh --no-units    without systemd: containers
#
# /opt/grail/venv   the programs        /etc/grail   settings, keystores, passwords (mode 700)
# /opt/grail/source this clone's files  /var/lib/grail   data
set -euo pipefail
cd "$(dirname "$0")/.."

units=yes
if [ "${1:-}" = --no-units ]; then units=no; elif [ $# -gt 0 ]; then
  echo "install: expected --no-units or nothing, got $1" >&2
  exit 2
fi
if [ "$(id -u)" != 0 ]; then
  echo "install: needs root: sudo deploy/install.sh" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
python=${PYTHON:-python3}
missing=()
wanted=(bubblewrap ca-certificates curl)
"$python" -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get install -y -q "${missing[@]}" || { apt-get update -q && apt-get install -y -q "${missing[@]}"; }
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
  echo "install: expected Python 3.11 to 3.13, got $("$python" --version 2>&1): set PYTHON=/path/to/python3.11" >&2
  exit 1
fi
if ! id grail >/dev/null 2>&1; then
  useradd --system --home-dir /var/lib/grail --shell /usr/sbin/nologin grail
fi
install -d -m 755 /opt/grail
install -d -m 700 -o grail -g grail /etc/grail
install -d -m 750 -o grail -g grail /var/lib/grail
rm -rf /opt/grail/source.new
mkdir /opt/grail/source.new
tar --exclude=.git --exclude=.venv --exclude=node_modules --exclude=runs -cf - . | tar -xf - -C /opt/grail/source.new
rm -rf /opt/grail/source
mv /opt/grail/source.new /opt/grail/source
[ -x /opt/grail/venv/bin/python ] || "$python" -m venv /opt/grail/venv
cd /opt/grail/source
/opt/grail/venv/bin/python -m pip install -q uv
flags=$(scripts/torch_flags.sh)
UV_FIND_LINKS=${PIP_FIND_LINKS:-} VIRTUAL_ENV=/opt/grail/venv \
  /opt/grail/venv/bin/uv pip install -q $flags --compile-bytecode --reinstall-package grail-network -c constraints.txt '.[localnet,metrics,s3,train]'
if [ "$units" = yes ]; then
  install -m 644 deploy/grail@.service deploy/grail-relay.service /etc/systemd/system/
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
/opt/grail/venv/bin/grail --help >/dev/null
echo "install: done; next: sudo -u grail /opt/grail/venv/bin/grail init miner --config /etc/grail/mine.toml --password-file /etc/grail/password"
