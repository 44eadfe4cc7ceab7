# Everything is made in .venv; nothing is installed elsewhere.
PYTHON ?= python3
CARGO ?= cargo
VENV := .venv
BIN := $(VENV)/bin
PEER := .venv-peer
ARROWBRICKS := .venv-arrowbricks
TOOLS := .venv-tools
AIRFLOW := .venv-airflow
WAREHOUSE := tests/warehouse
BENCH ?= ../shared/bench
BENCH_HOME ?= $(HOME)/.cache/dbsql-bench
BENCH_RESULTS ?= target/bench.jsonl
BENCH_OPTIONS ?=
FUZZ_TARGETS ?= lz4 arrow json
FUZZ_SECONDS ?= 180
SOAK_STATEMENTS ?= 10000
SOAK_OPTIONS ?=
# What libFuzzer needs to see which code an input reaches; a stable compiler has it.
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
RUST_SOURCES := $(shell find src stubs build.rs Cargo.toml Cargo.lock -type f)

.DEFAULT_GOAL := help
.PHONY: help demo check test test-all lint rust-tests stubtest build bench fuzz soak valgrind clean tools

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

tools:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install Python 3.10 or newer, or say PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is too old: Python 3.10 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (Debian: python3-venv)"; exit 1; }
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: install Rust 1.89 or newer"; exit 1; }
	@$(CARGO) --version | awk '{ split($$2, v, "."); exit !(v[1] > 1 || v[2] >= 89) }' || { echo "Rust is too old: 1.89 or newer is needed, this is $$($(CARGO) --version)"; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "a C compiler is missing: install gcc or clang"; exit 1; }

$(VENV)/pip.stamp: | tools
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/run.stamp: $(VENV)/pip.stamp pyproject.toml $(WAREHOUSE)/pyproject.toml
	@$(BIN)/python -m pip install --quiet --group build --editable $(WAREHOUSE)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/wheel.stamp: $(VENV)/run.stamp $(RUST_SOURCES) pyproject.toml README.md
	@$(BIN)/maturin build --quiet --release --locked --interpreter $(BIN)/python --out target/wheels
	@$(BIN)/python -m pip install --quiet --force-reinstall --no-deps --no-index --find-links target/wheels databricks_sql_kernel
	@touch $@

build: $(VENV)/wheel.stamp ## Build the wheel and install it into .venv

demo: $(VENV)/wheel.stamp ## Build, start the local warehouse and query it
	@$(BIN)/python tests/demo.py

lint: $(VENV)/dev.stamp $(VENV)/wheel.stamp
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	@! grep -E '^name = "(openssl-sys|native-tls|aws-lc-sys)"' Cargo.lock
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --offline --log-level error check bans licenses sources; \
	    else echo "cargo-deny is not installed: tests/python/test_supply_chain.py checks licences and sources"; fi
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright

stubtest: $(VENV)/dev.stamp $(VENV)/wheel.stamp
	$(BIN)/stubtest databricks_sql_kernel --ignore-disjoint-bases --allowlist tests/stubtest-allowlist.txt

# The Python side of the Rust tests is linked with libpython, which not every Python brings.
rust-tests: $(VENV)/dev.stamp
	@if $(BIN)/python tests/has_libpython.py; then \
	    $(CARGO) test --locked --lib; \
	else \
	    echo "this Python has no libpython to link with: the Rust unit tests of src/python are left out"; \
	    $(CARGO) test --locked --lib --no-default-features; \
	fi

check: lint rust-tests stubtest ## Lints, types, stubs and Rust unit tests

test: check ## What CI runs: check, all Rust tests, pytest
	$(CARGO) test --locked --no-default-features
	$(BIN)/pytest

test-all: test $(PEER)/peer.stamp $(ARROWBRICKS)/peer.stamp $(TOOLS)/peer.stamp $(AIRFLOW)/peer.stamp ## The slow tests and those with other clients, too
	$(BIN)/pytest -m 'slow or peer' --timeout 300 --peer-python=$(PEER)/bin/python \
	    --arrowbricks-python=$(ARROWBRICKS)/bin/python --tools-python=$(TOOLS)/bin/python \
	    --airflow-python=$(AIRFLOW)/bin/python

# Other clients, each in an environment of its own: the official connector with the official kernel, arrowbricks, and
# what uses the connector. dbt-databricks asks for an older connector, so it comes without its dependencies.
$(PEER)/peer.stamp: GROUP := peer
$(ARROWBRICKS)/peer.stamp: GROUP := arrowbricks
$(TOOLS)/peer.stamp: GROUP := tools
$(AIRFLOW)/peer.stamp: GROUP := airflow
$(TOOLS)/peer.stamp: WITHOUT_DEPENDENCIES := dbt-databricks==1.10.19
$(PEER)/peer.stamp $(ARROWBRICKS)/peer.stamp $(TOOLS)/peer.stamp $(AIRFLOW)/peer.stamp: pyproject.toml | tools
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(@D)/bin/python -m pip install --quiet --group $(GROUP)
	@$(if $(WITHOUT_DEPENDENCIES),$(@D)/bin/python -m pip install --quiet --no-deps $(WITHOUT_DEPENDENCIES))
	@touch $@

bench: $(VENV)/wheel.stamp ## Compare with other drivers, where ../shared/bench is; writes docs/performance.md
	@test -x $(BENCH)/bench.py || { echo "$(BENCH) is not there, and the comparison with other drivers needs it; 'cargo bench' needs nothing"; exit 1; }
	$(BENCH)/setup.sh
	$(BENCH)/setup.sh ours $(BENCH_HOME)/venv-ours $(CURDIR)/target/wheels/*-$$($(BIN)/python -c 'import sys; print("cp%d%d" % sys.version_info[:2])')-*.whl
	@rm -f $(BENCH_RESULTS)
	@if $(BENCH)/server.sh status >/dev/null; then stop=true; else stop="$(BENCH)/server.sh stop"; fi; \
	    trap "$$stop" EXIT; \
	    $(BENCH)/server.sh start && \
	    OPENBLAS_NUM_THREADS=1 $(BENCH)/bench.py run --ours $(BENCH_HOME)/venv-ours/bin/python --out $(CURDIR)/$(BENCH_RESULTS) $(BENCH_OPTIONS)
	$(BENCH)/bench.py targets $(CURDIR)/$(BENCH_RESULTS)
	$(BIN)/python docs/performance.py $(BENCH_RESULTS)

fuzz: | tools ## Feed the decoders what nobody can trust: FUZZ_SECONDS=180 for each of FUZZ_TARGETS="lz4 arrow json"
	@cp Cargo.lock fuzz/Cargo.lock
	@host=$$(rustc -vV | sed -n 's/^host: //p'); \
	RUSTFLAGS="$(FUZZ_FLAGS)" CARGO_TARGET_DIR=$(CURDIR)/target/fuzz $(CARGO) build --quiet --release \
	    --target $$host --manifest-path fuzz/Cargo.toml --bins && \
	for target in $(FUZZ_TARGETS); do \
	    mkdir -p target/fuzz/corpus/$$target target/fuzz/findings && \
	    echo "$$target for $(FUZZ_SECONDS) s; what makes it fail is kept in target/fuzz/findings" && \
	    target/fuzz/$$host/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 \
	        -print_final_stats=1 -artifact_prefix=target/fuzz/findings/$$target- \
	        target/fuzz/corpus/$$target fuzz/corpus/$$target || exit 1; \
	done

soak: $(VENV)/wheel.stamp ## Run SOAK_STATEMENTS=10000 statements while the local warehouse fails at random
	$(BIN)/python tests/soak.py --statements $(SOAK_STATEMENTS) $(SOAK_OPTIONS)

valgrind: $(VENV)/dev.stamp $(VENV)/wheel.stamp ## Make rows under valgrind; errors of memory through the driver end it
	@command -v valgrind >/dev/null || { echo "valgrind is missing: install it (Debian: valgrind)"; exit 1; }
	$(BIN)/python tests/valgrind.py

clean: ## Remove everything that was made
	rm -rf target $(VENV) $(PEER) $(ARROWBRICKS) $(TOOLS) $(AIRFLOW) .mypy_cache .pytest_cache .ruff_cache .hypothesis
