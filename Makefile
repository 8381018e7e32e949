# The doors of the repository; `make` alone lists them. Everything is built by CMake into build/.
# Pass flags of the program with ARGS: make quickstart ARGS="--seed 1"
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ARGS ?=

# On a terminal ninja shows its counter; in a log it only speaks when something fails.
QUIET := $(shell [ -t 1 ] || echo -- --quiet)
CONFIGURE = cmake --log-level=WARNING --preset
BUILD = cmake --build --preset

.DEFAULT_GOAL := help
.PHONY: help setup build quickstart test sanitize fuzz bench check format clean

help:        ## this list
	@sed -n 's/^\([a-z]*\): *[a-z ]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do \
	  printf '  make %-11s %s\n' "$$name" "$$what"; done

setup:       ## install what is missing, from Debian packages
	@scripts/setup

build: setup ## compile the program to build/r1
	@$(CONFIGURE) release >/dev/null
	@$(BUILD) release -j $(JOBS) --target r1 $(QUIET)
	@echo "build: build/r1"

quickstart: build ## R1 in miniature: all stages, evaluation, report to runs/quickstart
	@build/r1 quickstart --output_dir runs/quickstart $(ARGS)

test: setup  ## compile everything, warnings as errors, and run all tests
	@$(CONFIGURE) ci >/dev/null
	@$(BUILD) ci -j $(JOBS) $(QUIET)
	@ctest --preset ci -j $(JOBS)

sanitize: setup ## the tests under address, undefined-behaviour and thread sanitizers
	@for preset in dev tsan; do \
	  $(CONFIGURE) $$preset >/dev/null && $(BUILD) $$preset -j $(JOBS) $(QUIET) && \
	  ctest --preset $$preset -j $(JOBS) || exit 1; done

fuzz: setup  ## libFuzzer on every parser of outside bytes, 5 minutes each
	@scripts/fuzz $(ARGS)

bench: setup ## measure kernels, sampling and training against this machine's limits
	@$(CONFIGURE) release >/dev/null
	@$(BUILD) release -j $(JOBS) --target r1_bench $(QUIET)
	@build/r1_bench $(ARGS)

check:       ## layers, include circles, file lengths, banned words, format
	@scripts/check

format:      ## lay out src, tests and bench with clang-format
	@find src tests bench -name '*.h' -o -name '*.cpp' | xargs -r clang-format -i

clean:       ## remove what was built; runs/ stays
	@rm -rf build build-dev build-tsan build-fuzz
