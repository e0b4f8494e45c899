# make localnet    set everything up and run the main job (ARGS="--windows 10 --seed 7" passes flags on)
# make test        set everything up and pass the tests
# make vllm        put vLLM for the CPU beside it (3 GB); its tests then run, too
# make gas         gas of every call, by number of miners, into contracts/gas.json
.PHONY: setup vllm localnet test lint unit contracts contracts-test invariants mutants gas chopsticks clean

BIN := .venv/bin
SYSTEM := $(shell uname -s | tr A-Z a-z)
MACHINE := $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(shell uname -m)))
FORGE := node_modules/@foundry-rs/forge-$(SYSTEM)-$(MACHINE)/bin/forge

setup:
	@bash scripts/setup.sh

vllm: setup
	@bash scripts/setup_vllm.sh

localnet: setup
	$(BIN)/grail localnet $(ARGS)

test: setup lint contracts-test unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config importlinter.toml

# In the order of the files: else those with one long test come last, alone.
unit: setup
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Compile the contracts and package their artifacts for Python. Needs Node.
contracts: setup contracts/node_modules/.package-lock.json
	$(BIN)/python scripts/build_contracts.py

# The Foundry suite, and whether the packaged artifacts are what the sources give. Skipped, loudly, without Node.
contracts-test: setup
	@if command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory contracts/node_modules/.package-lock.json && \
	  $(BIN)/python scripts/build_contracts.py --check && \
	  cd contracts && $(FORGE) fmt --check && $(FORGE) test; \
	else \
	  echo "NOTICE: npm is missing: the Foundry suite and the end-to-end test on anvil are SKIPPED"; \
	fi

# Gas of whole transactions with 10 to 10,000 miners, 8 and 128 validators; fails where it is not what was committed.
gas: setup contracts/node_modules/.package-lock.json
	cd contracts && FOUNDRY_PROFILE=gas $(FORGE) test --silent
	$(BIN)/python scripts/gas_table.py

# The invariants at full length: 512 runs of 100 calls.
invariants: setup contracts/node_modules/.package-lock.json
	$(BIN)/python scripts/invariants.py $(ARGS)

# Seed bugs, one at a time: the invariants must notice each.
mutants: setup contracts/node_modules/.package-lock.json
	$(BIN)/python scripts/mutants.py $(ARGS)

contracts/node_modules/.package-lock.json: contracts/package.json contracts/package-lock.json
	cd contracts && npm install --no-save --ignore-scripts --silent && touch node_modules/.package-lock.json

clean:
	rm -rf .venv build .chopsticks contracts/node_modules contracts/out contracts/cache

# Subtensor's real runtime for tests/bittensor/test_runtime.py: chopsticks from npm, 250 MB, in a folder that git ignores.
chopsticks: .chopsticks/node_modules/.package-lock.json
.chopsticks/node_modules/.package-lock.json:
	mkdir -p .chopsticks
	cd .chopsticks && npm install --silent --ignore-scripts --prefix . @acala-network/chopsticks@1.5.1
