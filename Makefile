SHELL := bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
SEEDS ?= 200
BIN := .venv/bin
READY := .venv/.ready
CDK := node_modules/.bin/cdk
# jsii and the CDK CLI run on the Node.js that comes with a wheel, whatever else is installed.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run test types pytest simulate benchmark synth deploy lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## Run everything on this machine, without AWS; ARGS=--once stops after the scenario.
	@python -m local run $(ARGS)

test: $(READY) ## Check style, types and every rule; ARGS="-k name" picks tests.
	@ruff format --check --quiet . || (echo 'Not formatted; run: .venv/bin/ruff format' >&2; false)
	@ruff check --quiet .
	@$(MAKE) --no-print-directory --jobs=2 types pytest

types: $(READY)
	@mypy

pytest: $(READY) $(CDK)
	@python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

simulate: $(READY) ## Run the functions under faults in simulated time; SEEDS=2000 is half an hour.
	@python -m simulation --seeds $(SEEDS) $(ARGS)

benchmark: $(READY) ## Measure what the claims about speed rest on.
	@PYTHONPATH=lambdas python -m benchmarks.ingest

synth: $(READY) ## Write the CloudFormation templates of all organizations to cdk.out.
	@python app.py

deploy: $(READY) $(CDK) ## Deploy ORGANIZATION=name to the AWS account of the current profile and region.
	@python -m deploy $(ORGANIZATION)

lock: $(READY) ## Pin anew what the requirements files ask for.
	@for name in lambdas/requirements requirements requirements-dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
			--custom-compile-command 'make lock' $$name.in --output-file $$name.txt || exit 1; \
	done
	@npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## Remove everything that was installed or built here.
	@rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache cdk.out node_modules

$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed, the ones that Lambda runs; this is %d.%d. Name another: make PYTHON=python3.13" % sys.version_info[:2])'
	@$(PYTHON) -m venv .venv
	@printf 'Installing into .venv, once; about a minute '
	@pip install --disable-pip-version-check --no-input --require-hashes -r requirements-dev.txt 2>&1 \
		| tee .venv/install.log | awk '/^ *(Collecting|Using cached|Downloading|Installing)/ { printf "."; fflush() }' \
		|| (echo; tail -n 20 .venv/install.log; echo 'pip could not install the requirements. Is the package index within reach? All of it: .venv/install.log' >&2; false)
	@echo ' done'
	@touch $@

$(CDK): package-lock.json $(READY)
	@echo 'Installing the CDK command line, once ...'
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
