SHELL := bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help

# What the functions run on; it builds what is deployed. Some systems have one that makes no virtual environment.
PIN := $(shell cat .python-version)
PYTHON ?= $(shell python$(PIN) -c 'import ensurepip' 2>/dev/null && echo python$(PIN) || echo python3)
SEEDS ?= 200
INPUTS ?= 100000
BIN := .venv/bin
READY := .venv/.ready
DEVELOPMENT := .venv/.development
SOURCES := app.py cli docs/examples lambdas local simulator stacks verification
CDK := node_modules/.bin/cdk
# One organization's file alone, if it is named.
ONE := $(ORGANIZATION:%=--context organization=%)
# jsii and the CDK CLI run on the Node.js that comes with a wheel, whatever else is installed.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Packages and a Python of the user's own would go before what is pinned here.
unexport PYTHONHOME PYTHONPATH

.PHONY: help run test types pytest nightly simulate fuzz mutants load audit sbom benchmark picture bootstrap synth diff deploy destroy release lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## Run everything on this machine, without AWS; ARGS=--once stops after the scenario.
	@python -m local run $(ARGS)

test: $(DEVELOPMENT) ## Check style, types and every rule; ARGS="-k name" picks tests.
	@ruff format --check --quiet . || (echo 'Not formatted; run: .venv/bin/ruff format' >&2; false)
	@ruff check --quiet .
	@PYTHONPATH=lambdas:. lint-imports --no-logo >.venv/imports.log || (cat .venv/imports.log >&2; false)
	@$(MAKE) --no-print-directory --jobs=2 types pytest

types: $(DEVELOPMENT)
	@mypy

pytest: $(DEVELOPMENT) $(CDK)
	@python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(ARGS)

nightly: $(DEVELOPMENT) $(CDK) ## Run the slow tests, 200 seeds, fuzzing and the mutants; takes hours.
	@python -m pytest --numprocesses=auto --dist=worksteal -m nightly
	@HYPOTHESIS_PROFILE=nightly python -m pytest --numprocesses=auto tests/properties
	@$(MAKE) --no-print-directory simulate fuzz mutants

simulate: $(DEVELOPMENT) ## Run the functions under faults in simulated time; SEEDS=2000 takes half an hour.
	@python -m verification.simulation --seeds $(SEEDS) $(ARGS)

fuzz: $(DEVELOPMENT) ## Let coverage guide hostile inputs through ingest and processor; INPUTS=1000000.
	@python -m verification.fuzzing --inputs $(INPUTS) $(ARGS)

mutants: $(DEVELOPMENT) ## Change the rules one by one; a test must notice each change.
	@python -m verification.mutation $(ARGS)

load: $(DEVELOPMENT) ## Load the local environment under faults, then steadily; ARGS=burst does the first alone.
	@python -m verification.load $(ARGS)

audit: $(DEVELOPMENT) ## Look for risky code, and for known vulnerabilities in what is pinned; needs the network.
	@bandit --quiet --severity-level medium --recursive $(SOURCES)
	@pip-audit --strict --progress-spinner off --disable-pip --require-hashes \
		--requirement lambdas/requirements.txt --requirement requirements-dev.txt >.venv/audit.log 2>&1 \
		&& tail -n 1 .venv/audit.log || (tail -n 20 .venv/audit.log | cut -c -300 >&2; \
		! grep -Eq 'could not be audited|ConnectionError|ServiceError|Max retries' .venv/audit.log || \
		echo 'The vulnerability service cannot be reached, or does not know these packages: nothing was audited. Run it where the public package index is within reach.' >&2; false)

sbom: $(DEVELOPMENT) ## List what is deployed, and what it is developed with, as CycloneDX in .local/sbom.
	@mkdir -p .local/sbom
	@cyclonedx-py requirements --output-reproducible --output-file .local/sbom/deployed.json lambdas/requirements.txt
	@cyclonedx-py requirements --output-reproducible --output-file .local/sbom/development.json requirements-dev.txt

benchmark: $(DEVELOPMENT) ## Measure the claims about speed.
	@python -m verification.benchmarks.ingest

picture: $(CDK) ## Draw docs/flow.svg from docs/flow.dot.
	@node docs/draw_flow.mjs

bootstrap: $(READY) $(CDK) ## Prepare an account for CDK, once: of ORGANIZATION=name, or ARGS=aws://ACCOUNT/REGION.
	@./cdk bootstrap $(ONE) $(ARGS)

synth: $(READY) $(CDK) ## Write the CloudFormation templates of all organizations, or of ORGANIZATION=name, to cdk.out.
	@./cdk synth --quiet $(ONE) $(ARGS)

diff: $(READY) $(CDK) ## Compare ORGANIZATION=name with what is deployed.
	@./cdk diff $(ONE) $(ARGS)

deploy: $(READY) $(CDK) ## Deploy ORGANIZATION=name to the AWS account of the current profile and region.
	@./bridge deploy $(ORGANIZATION) $(ARGS)

destroy: $(READY) $(CDK) ## Remove the stack of ORGANIZATION=name; it says first what stays, and asks.
	@./bridge destroy $(ORGANIZATION) $(ARGS)

release: ## Tag the version in VERSION; the tree must be clean, and CHANGELOG.md must have its section.
	@version=$$(cat VERSION); \
		test -z "$$(git status --porcelain)" || { echo 'Uncommitted changes: commit them first.' >&2; exit 1; }; \
		grep -q "^## \[$$version\]" CHANGELOG.md || { echo "CHANGELOG.md has no section [$$version]: write it first." >&2; exit 1; }; \
		git tag --annotate "v$$version" --message "VectorCare Bridge $$version" \
		&& echo "Tagged v$$version. Publish it: git push origin v$$version"

lock: $(DEVELOPMENT) ## Pin the newest versions that the requirements files allow.
	@for name in lambdas/requirements requirements requirements-dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
			--custom-compile-command 'make lock' $$name.in --output-file $$name.txt || exit 1; \
	done
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command 'make lock' --constraint requirements-dev.txt \
		requirements-local.in --output-file requirements-local.txt
	@npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## Remove everything that was installed or built here.
	@rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache cdk.out node_modules

$(READY): requirements-local.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed, the ones that Lambda runs; this is %d.%d. Name another: make PYTHON=python3.13" % sys.version_info[:2])'
	@$(PYTHON) -m venv .venv
	@$(call install,$<,half a minute)
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(READY)
	@$(call install,$<,about a minute)
	@touch $@

define install
printf 'Installing $(1) into .venv, once; $(2) '
python -I stacks/functions/clean_pip.py install --disable-pip-version-check --no-input --require-hashes -r $(1) 2>&1 \
	| tee .venv/install.log | awk '/^ *(Collecting|Using cached|Downloading|Installing)/ { printf "."; fflush() }' \
	|| (echo; tail -n 20 .venv/install.log; echo 'pip could not install the requirements. Is the package index within reach? All of it: .venv/install.log' >&2; false)
echo ' done'
endef

$(CDK): package-lock.json $(READY)
	@echo 'Installing the CDK command line, once ...'
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >.venv/npm.log 2>&1 || (head -n 4 .venv/npm.log >&2; echo 'npm could not install the CDK command line. Is the package registry within reach? If your network has a certificate authority of its own, name its file in NODE_EXTRA_CA_CERTS. All of it: .venv/npm.log' >&2; false)
	@touch $@
