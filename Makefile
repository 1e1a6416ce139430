# SPDX-License-Identifier: Apache-2.0
# A small front for meson and ninja. `make help` lists what there is.
#
#   SAN=address  ASan + UBSan;  SAN=thread  TSan (the daemons)
#   CC=clang     another compiler (its own build folder)
SHELL   := /bin/bash
SAN     ?=
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
BUILD   ?= build$(if $(SAN),-$(SAN))$(if $(filter-out gcc,$(CC)),-$(CC))
PREFIX  ?= /usr/local
# the plugin that a stock Dovecot loads cannot be a sanitizer build
PLAIN   := build$(if $(filter-out gcc,$(CC)),-$(CC))
PYTHON  := /usr/bin/python3

, := ,

BENCH := $(addprefix tests/bench/bench-,load overload parts s3 spool store)

.PHONY: all help deps build demo test test-cql test-faults soak kills bench fuzz coverage install format lint clean
all: build

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

deps: ## install what building and testing needs (Debian packages)
	@packaging/install-deps build test

build: ## compile everything
	@packaging/install-deps build
	@$(MAKE) --no-print-directory ninja-$(BUILD)

PROGRAMS := src/mim/mimd src/agent/inlay-agent src/cli/inlay dovecot/lib99_inlay_plugin.so

ninja-%:
	@test -f $*/build.ninja || CC="$(CC)" meson setup $* --prefix $(PREFIX) $(if $(findstring -address,$*),-Db_sanitize=address$(,)undefined -Db_lundef=false) $(if $(findstring -thread,$*),-Db_sanitize=thread -Db_lundef=false) >/dev/null
	@ninja -C $* $(ONLY)

demo: ## a message appears in a real inbox (DEMO_EXIT=1: and stop; DEMO_DIR=FOLDER; DATA=s3)
	@packaging/install-deps build demo $(if $(filter s3,$(DATA)),s3)
	@$(MAKE) --no-print-directory ninja-$(PLAIN) ONLY='$(PROGRAMS)'
	@$(PYTHON) examples/demo.py --build $(PLAIN) $(if $(DATA),--data $(DATA))

test: ## every test; SAN=address or SAN=thread for sanitizer builds
	@packaging/install-deps build test
	@$(MAKE) --no-print-directory ninja-$(PLAIN)
	@$(if $(SAN),$(MAKE) --no-print-directory ninja-$(BUILD),$(MAKE) --no-print-directory CC=clang ninja-build-clang)
	@$(PYTHON) tests/run.py --build $(BUILD) --plugin-build $(PLAIN) $(if $(SAN),--sanitizer $(SAN)) $(T)

test-cql: ## the Cassandra driver in cql/, with ASan, on real Cassandra nodes; T=NAME
	@packaging/install-deps build test cql cassandra
	@test -f build-cql/build.ninja || CC="$(CC)" meson setup build-cql -Dcassandra=bundled -Db_sanitize=address$(,)undefined -Db_lundef=false >/dev/null
	@ninja -C build-cql $(addprefix cql/tests/,test-offline test-values test-requests test-login steady-load print-abi)
	@cd cql && cargo test --quiet --locked --release --target-dir ../build-cargo
	@INLAY_BUILD=build-cql PYTHONDONTWRITEBYTECODE=1 $(PYTHON) cql/tests/test_cql.py -v $(if $(T),-k $(T))

test-faults: ## every test that docs/reliability.md names, each fault at every place
	@packaging/install-deps build test
	@$(MAKE) --no-print-directory ninja-$(PLAIN)
	@$(if $(SAN),$(MAKE) --no-print-directory ninja-$(BUILD))
	@$(PYTHON) tests/run.py --faults --build $(BUILD) --plugin-build $(PLAIN) $(if $(SAN),--sanitizer $(SAN)) $(T)

SOAK = INLAY_PLUGIN_BUILD=$(PLAIN) $(PYTHON) tests/soak/soak.py --build $(BUILD) $(if $(SEED),--seed $(SEED))

soak: ## a mail system in which things break, for T seconds (600); SEED=, SAN=address
	@packaging/install-deps build test
	@$(MAKE) --no-print-directory ninja-$(PLAIN) ONLY='$(PROGRAMS)'
	@$(if $(SAN),$(MAKE) --no-print-directory ninja-$(BUILD) ONLY='$(filter-out dovecot/%,$(PROGRAMS))')
	@$(SOAK) --seconds $(or $(T),600)

kills: ## the same with N kills (1000) of mimd, inlay-agent and imap processes; SEED=
	@packaging/install-deps build test
	@$(MAKE) --no-print-directory ninja-$(PLAIN) ONLY='$(PROGRAMS)'
	@$(if $(SAN),$(MAKE) --no-print-directory ninja-$(BUILD) ONLY='$(filter-out dovecot/%,$(PROGRAMS))')
	@$(SOAK) --kills $(or $(N),1000)

bench: ## what it costs; B=NAME one of them, B_USERS=N for a quick try
	@packaging/install-deps build bench
	@$(MAKE) --no-print-directory ninja-$(PLAIN) ONLY='$(PROGRAMS) $(BENCH)'
	@$(PYTHON) tests/bench/run.py --build $(PLAIN) $(B)

fuzz: ## every fuzz target for T seconds (60) or N executions (10,000,000), J at once; F=NAME
	@packaging/install-deps build fuzz
	@test -f build-fuzz/build.ninja || CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@$(PYTHON) tests/fuzz/run.py --build build-fuzz --seconds $(or $(T),60) --runs $(or $(N),10000000) $(if $(J),--jobs $(J)) $(F)

coverage: ## the lines that no test reaches; UNIT=1 unit tests only, T=NAME some tests
	@packaging/install-deps build coverage
	@test -f build-coverage/build.ninja || CC=gcc meson setup build-coverage -Db_coverage=true --buildtype debug >/dev/null
	@ninja -C build-coverage
	@$(PYTHON) tests/coverage.py --build build-coverage $(if $(UNIT),--unit) $(T)

install: build ## install below PREFIX (DESTDIR is honoured)
	@meson install -C $(BUILD) --no-rebuild

format: ## rewrite the C sources in the project's format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: ## format, includes, clang-tidy, and a clang build, all without a finding
	@packaging/install-deps build lint
	@tests/lint
	@echo "lint: clean"

clean: ## remove what was built
	@rm -rf build build-* demo-run test-run bench-run
