#!/usr/bin/env bash
# Which build of torch? Prints the flags for `uv pip install`, and says on standard error what was chosen and why.
#
# A machine without an NVIDIA driver must not fetch gigabytes of CUDA: uv chooses the build by what is there, from
# PyTorch's own index. Who names a source (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL, PIP_INDEX_URL) has chosen already, and
# on macOS there is one build.
set -euo pipefail

if [ -n "${PIP_FIND_LINKS:-}${UV_FIND_LINKS:-}${PIP_EXTRA_INDEX_URL:-}${PIP_INDEX_URL:-}${UV_TORCH_BACKEND:-}" ]; then
  echo "setup: torch from the sources that the environment names" >&2
elif [ "$(uname -s)" = Darwin ]; then
  echo "setup: torch as it is for macOS" >&2
elif curl -sfI --max-time 5 https://download.pytorch.org/whl/torch/ >/dev/null 2>&1; then
  echo "setup: torch's build by what is there (uv --torch-backend auto)" >&2
  echo "--torch-backend=auto"
else
  echo "NOTICE: download.pytorch.org does not answer: torch comes from the ordinary index, with CUDA, some gigabytes" >&2
fi
