# A thin front: .ci/packages lists what Debian must provide, CMake builds, ctest drives every test.
#   make demo | test | lint | asan | tsan | bench [ONLY=name] | install [PREFIX=/usr/local]
#   CTEST_ARGS="-R pattern" picks tests.
PREFIX ?= /usr/local
CTEST_ARGS ?=
JOBS := $(shell nproc)
CTEST = ctest --parallel $(JOBS) $(CTEST_ARGS) --preset

.PHONY: all demo test lint asan tsan bench install
.PRECIOUS: build/%/build.ninja

all: packages-build tree-release

demo: all
	build/lacuna scripts/crawler.lua

test: packages-test all
	$(CTEST) release

asan tsan: %: packages-test tree-%
	$(CTEST) $*

# The dev tree takes no compiler warning; clang-tidy reads its compile commands.
lint: packages-lint tree-dev
	find host spec -name '*.[ch]' -print0 | xargs -0 -r clang-format --dry-run -Werror
	find host -name '*.c' -print0 | xargs -0 -r -n 4 -P $(JOBS) clang-tidy -p build/dev --quiet
	luacheck --quiet .

bench: all
	build/lacuna bench/run.lua $(ONLY)

install: all
	cmake --install build --prefix "$(PREFIX)"

packages-%: # every stage builds first
	@.ci/install-packages build $*

# Configured once for each preset and again when the presets change; Ninja knows the rest.
tree-release: build/build.ninja
	cmake --build build
tree-%: build/%/build.ninja
	cmake --build build/$*
build/build.ninja: CMakePresets.json | packages-build
	cmake --preset release
	@touch $@
build/%/build.ninja: CMakePresets.json | packages-build
	cmake --preset $*
	@touch $@
