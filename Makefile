# Everything a person needs: `make demo` and `make test`. Both install what the system lacks.

CARGO ?= cargo

.PHONY: demo test test-long bench release setup setup-test lint

demo: setup
	$(CARGO) build --locked --package cli
	scripts/demo.sh

test: setup-test lint
	$(CARGO) test --locked --workspace --doc --quiet
	$(CARGO) xtask test

# Fuzzing, soak and kill series: hours, not minutes.
test-long: setup-test
	$(CARGO) xtask test --long

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings

bench:
	$(CARGO) bench --locked --package benches

release: setup
	$(CARGO) build --locked --release --package cli

setup:
	@scripts/setup.sh

setup-test:
	@scripts/setup.sh test
