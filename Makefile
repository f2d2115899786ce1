# Two commands are all a newcomer needs: `make demo` and `make test`. Both make what they need.
PYTHON ?= python3
VENV ?= .venv
CONTAINER_TOOL ?= docker
IMG ?= podcm-sync:latest
SECONDS ?= 180
# So many test files run at a time, each with its own control plane.
WORKERS ?= 2

BIN := $(VENV)/bin
# Some tests hold the clock to limits of a second, which a busy machine can't keep. What failed must
# pass alone; both results are in the output.
AGAIN = REQUIRE_CONTROLPLANE=1 $(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 1
# What the template engine is built from, when the package is installed.
ENGINE := $(shell find podcm_sync/template/engine -name '*.go' -o -name 'go.*' -o -name '*.py')

.DEFAULT_GOAL := help
.PHONY: help demo test check unit coverage test-pythons test-versions test-node fuzz build release lock sbom docker-build docker-push docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.installed ## Preview, sync and sync again on a copy of examples/shop; no cluster
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: check ## Every check there is, on a real control plane (built once, then cached)
	$(BIN)/python -m tests.controlplane.binaries
	$(BIN)/python -m tests.chart.binaries
	REQUIRE_CONTROLPLANE=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile || $(AGAIN)

check: $(VENV)/.installed-test ## Formatting, rules, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy podcm_sync tests
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.installed-test ## The tests that need no control plane, in seconds
	$(BIN)/python -m pytest tests/unit tests/laws tests/cases tests/fuzz tests/speed tests/shape tests/supply tests/template

coverage: $(VENV)/.installed-test ## Branch coverage of the unit tests and laws, and its floor
	$(BIN)/python -m coverage run -m pytest tests/unit tests/laws
	$(BIN)/python -m coverage report

test-pythons: $(VENV)/.installed-test ## Connections, decoding, and planning, on every supported Python that is installed
	$(BIN)/python -m tests.pythons

test-versions: $(VENV)/.installed-test ## The tests that depend on it, on the four newest minor versions of Kubernetes
	$(BIN)/python -m tests.versions

test-node: $(VENV)/.installed-test ## The image and the chart on a real kubelet; needs root and Debian or Ubuntu
	$(BIN)/python -m tests.node.run

fuzz: $(VENV)/.installed-fuzz ## Every fuzz target for SECONDS, one after the other
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)

docs: $(VENV)/.installed-test ## Write the generated parts of README.md, docs/, deploy/, and the code
	$(BIN)/python -m tests.shape.readme
	$(BIN)/python -m tests.shape.crd
	$(BIN)/python -m tests.template.docs
	$(BIN)/python -m tests.shape.deploy

build: $(VENV)/.installed ## The wheel, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

release: $(VENV)/.installed-test ## All files of VERSION in dist/, built twice and compared; DRY_RUN=1 leaves the tree alone
	$(BIN)/python -m tests.supply.release $(if $(DRY_RUN),--dry-run) "$(VERSION)"

lock: $(VENV)/.installed-audit ## The lock files in requirements/, with the newest versions that fit
	$(BIN)/python -m tests.supply.lock

sbom: $(VENV)/.installed-test ## Bills of materials of the wheel and the image, in dist/
	$(BIN)/python -m tests.supply.sbom

docker-build: ## The image, as IMG
	$(CONTAINER_TOOL) build --tag $(IMG) --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"$$/\1/p' podcm_sync/__init__.py) .

docker-push: ## Push the image IMG
	$(CONTAINER_TOOL) push $(IMG)

clean: ## Remove what these commands made here
	rm -rf $(VENV) dist build .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml $(ENGINE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml $(ENGINE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-fuzz: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

$(VENV)/.installed-audit: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]'
	@touch $@
