# make localnet    set everything up and run the main job (ARGS="--windows 10 --seed 7" passes flags on)
# make test        set everything up and pass the tests
.PHONY: setup localnet test lint unit contracts contracts-test clean

BIN := .venv/bin
FORGE := node_modules/@foundry-rs/forge-linux-amd64/bin/forge

setup:
	@bash scripts/setup.sh

localnet: setup
	$(BIN)/grail localnet $(ARGS)

test: setup lint unit contracts-test

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config importlinter.toml

unit: setup
	$(BIN)/pytest $(ARGS)

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

contracts/node_modules/.package-lock.json: contracts/package.json contracts/package-lock.json
	cd contracts && npm install --no-save --ignore-scripts --silent && touch node_modules/.package-lock.json

clean:
	rm -rf .venv build contracts/node_modules contracts/out contracts/cache
