#!/usr/bin/env bash
# What a CUDA device does with the parts that a miner, a validator and a trainer live by; eight minutes at most.
#
#   bash benchmarks/gpu.sh --pack [3.11]   here: wheels of what such machines lack, for that Python, into build/gpu-wheels
#   bash benchmarks/gpu.sh [RESULT.json]   there: needs torch, transformers and triton; nothing is downloaded. Without numba,
#                                          which is too large to carry, the CPU's replays take the plain sampler
#
# Without a device it runs on the CPU with small shapes, so that a change that breaks it is seen (tests/e2e/test_gpu_script.py).
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --pack ]; then
  rm -rf build/gpu-wheels
  python3 -m pip download -q --no-deps --only-binary=:all: --python-version "${2:-3.11}" -c constraints.txt -d build/gpu-wheels \
    structlog pydantic pydantic-core pydantic-settings python-dotenv annotated-types typing-inspection typing-extensions \
    safe-pysha3 zstandard rich markdown-it-py mdurl pygments
  du -sh build/gpu-wheels
  exit 0
fi
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
if [ -d build/gpu-wheels ] && ! "$python" -c 'import structlog, pydantic_settings, sha3' 2>/dev/null; then
  "$python" -m pip install -q --no-index --no-deps --find-links build/gpu-wheels --target build/gpu-site build/gpu-wheels/*.whl
  export PYTHONPATH="$PWD/build/gpu-site:${PYTHONPATH:-}"
fi
exec timeout 480 "$python" benchmarks/gpu.py "${1:-benchmarks/results/gpu.json}"
