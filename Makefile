.DEFAULT_GOAL := help
.PHONY: help install demo test fmt lint build bench clean

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install: ## Add what a fresh Debian machine lacks for the tests
	@scripts/install.sh

demo: ## Build, start, deliver a few notifications, stay up until Ctrl-C
	@scripts/demo.sh

test: install ## Everything: format, lints, tests on SQLite and PostgreSQL, end to end
	@scripts/test.sh

fmt: ## Format the code
	cargo fmt --all

lint: ## Format check and clippy
	@scripts/test.sh format lint

build: ## Release binary
	cargo build --release --locked -p campanile

bench: ## Measure a running server; BENCH="--suite fanout --json" adds options
	cargo run --release --locked -p campanile -- bench $(BENCH)

clean: ## Remove build products and the demo's data
	cargo clean
	rm -rf data/demo tests/e2e/node_modules tests/e2e/artifacts .venv
