# One verb a line; `make` alone lists them. Needs Python 3.11 to 3.13, git and make: environments are made below .venvs.

PORT ?= 8080
AWS_PORT ?= 4566
PYTHON ?= $(shell infra/python)

export PYTHONPATH = shared:.
export SAM = .venvs/sam/bin/sam
export EMULATOR = .venvs/emulator/bin/ministack
export SAM_CLI_TELEMETRY = 0
LOCAL = .venvs/local/bin/python
TEST = .venvs/test/bin

.DELETE_ON_ERROR:
.PHONY: help demo serve shop test test-code test-browser test-deployed test-oldest check bench bench-learning bench-ranking soak \
  upgrade fuzz mutate audit format openapi build deploy doctor teardown redrive rotate-keys evaluate lock vendor clean
help:    ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: .venvs/local.made .venvs/emulator.made ## a shop whose offers are learned from its events; ends by itself
	$(LOCAL) -m infra.local.demo

serve: .venvs/local.made .venvs/emulator.made ## the API on PORT=8080, the AWS services it uses on AWS_PORT=4566
	$(LOCAL) -m infra.local.serve --port $(PORT) --aws-port $(AWS_PORT)

shop: .venvs/local.made .venvs/emulator.made .venvs/web-sdk.made ## a page around Adobe's Web SDK, whose clicks teach; opened in Chromium
	CHROMIUM=$$(infra/chromium) && export CHROMIUM && $(LOCAL) -m infra.local.storefront

test: test-code test-browser test-deployed ## every suite

test-code: .venvs/test.made .venvs/emulator.made ## all but the next two, with branch coverage; ARGS="-k name" for some
	$(TEST)/python -m pytest -n 2 --dist worksteal --ignore tests/deployed --ignore tests/upgrade --ignore tests/e2e/browser --cov $(if $(ARGS),,--cov-fail-under=96) $(ARGS)
	$(if $(ARGS),,$(TEST)/python -m tests.support.handlers_of_faults)

test-browser: .venvs/test.made .venvs/emulator.made .venvs/web-sdk.made .venvs/axe-core.made ## Adobe's Web SDK and the console in Chromium, against one machine
	CHROMIUM=$$(infra/chromium) && export CHROMIUM && $(TEST)/python -m pytest -n 2 --dist loadfile tests/e2e/browser $(ARGS)

test-deployed: .venvs/test.made .venvs/emulator.made .venvs/sam.made ## the template as deployed, the functions as built
	$(TEST)/python -m pytest tests/deployed $(ARGS)

test-oldest: .venvs/oldest.made ## the unit tests on the Python that PYTHON names
	.venvs/oldest/bin/python -m pytest -q tests/unit $(ARGS)

check: .venvs/test.made .venvs/sam.made .venvs/scan.made ## style, types, import contracts, templates
	$(TEST)/ruff check
	$(TEST)/ruff format --check
	$(TEST)/mypy
	$(TEST)/lint-imports
	$(TEST)/cfn-lint infra/storage.yaml infra/alarms.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	infra/scan

bench: .venvs/test.made .venvs/emulator.made ## measure what must be fast; goes on after a missed bound, and fails in the end
	missed=; for one in tests/benchmarks/*.py; do $(TEST)/python $$one || missed="$$missed $$one"; done; \
	  test -z "$$missed" || { echo "missed:$$missed"; exit 1; }

bench-learning: .venvs/bench.made ## regret beside mabwiser, river and Vowpal Wabbit, into tests/benchmarks/results; hours; ARGS="--seeds 2" for a look
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venvs/bench/bin/python -m tests.benchmarks.learning $(ARGS)

bench-ranking: .venvs/bench.made ## CPU of one ranking beside numpy, mabwiser, river and Vowpal Wabbit, into tests/benchmarks/results
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venvs/bench/bin/python -m tests.benchmarks.ranking $(ARGS)

soak: .venvs/test.made .venvs/emulator.made ## every fault, race, outage and crash in full: 100,000 histories, 1,000 workers killed, and more; hours
	$(TEST)/python -m tests.simulation --seeds 100000
	$(TEST)/python -m tests.simulation.kill --kills 1000
	$(TEST)/python -m tests.simulation.catalog --sequences 5000
	$(TEST)/python -m tests.simulation.races --writers 32 --writes 200
	$(TEST)/python -m tests.simulation.outage --asks 10000
	$(TEST)/python -m tests.simulation.reading --reads 100000
	$(TEST)/python -m tests.simulation.restored --environments 1000
	$(TEST)/python -m tests.simulation.memory --minutes 10
	$(TEST)/python -m tests.simulation.canaries --requests 10000

# The commit that tests/functions/releases recorded, and the first one whose functions are called by an alias.
FROM ?= 7f8b389 c3d476f
upgrade: .venvs/test.made .venvs/emulator.made .venvs/sam.made ## deploy the code of an earlier commit, FROM=hash, fill it, deploy the present over it, compare
	FROM='$(FROM)' $(TEST)/python -m pytest tests/upgrade $(ARGS)

fuzz: .venvs/fuzz.made ## fuzz what takes bytes from strangers, by coverage, a minute each; ARGS="--seconds 600"
	.venvs/fuzz/bin/python -m tests.fuzz $(ARGS)

mutate: .venvs/mutate.made ## plant faults in counting, tokens and authorization: how many do tests find? hours; ARGS="--sample 150 counting"
	.venvs/mutate/bin/python -m tests.mutation $(ARGS)

audit: .venvs/audit.made .venvs/local.made ## licences, bandit, secrets in the tree and its history, bill of materials into build/sbom
	infra/audit

format: .venvs/test.made ## put the code into its form
	$(TEST)/ruff check --fix
	$(TEST)/ruff format

openapi: .venvs/test.made ## write the OpenAPI document from the handlers' types
	$(TEST)/python -m infra.openapi

build: .venvs/sam.made ## the functions and their layer, into .aws-sam/build
	infra/build

deploy: build ## into your AWS account
	$(SAM) deploy --guided --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND

teardown: .venvs/local.made ## list what of STACK=name goes and what stays, ask, and take it away; PURGE=1 with all its data; YES=1 asks nothing
	$(LOCAL) -m infra.teardown '$(STACK)' $(if $(PURGE),--purge) $(if $(YES),--yes)

doctor: .venvs/local.made ## why events in BUCKET=name are not counted by STACK=name, and how to mend it; PREFIX=path/ before there is a dataset
	$(LOCAL) -m infra.doctor '$(BUCKET)' $(if $(STACK),--stack '$(STACK)') $(if $(PREFIX),--prefix '$(PREFIX)')

redrive: .venvs/local.made ## give messages that were set aside another try; STACK=name, without it those of `make serve`
	$(LOCAL) -m infra.redrive $(STACK)

rotate-keys: .venvs/local.made ## a new key signs, the current one stays good; STACK=name as for redrive; FORCE=1 within 30 days of the last
	$(LOCAL) -m infra.rotate $(STACK) $(if $(FORCE),--force)

evaluate: .venvs/local.made ## what TARGET would have earned, by a LOG of rankings; MODEL=id and STACK=name where it asks for one
	$(LOCAL) -m infra.evaluate '$(LOG)' '$(TARGET)' $(if $(MODEL),--model $(MODEL)) $(if $(STACK),--stack $(STACK))

vendor:  ## write the console's libraries anew, as npm has them (needs Node.js)
	infra/vendor

clean:   ## take away what was made, and the environments
	rm -rf .venvs .aws-sam .local build .coverage*

# ---- Environments: one a lock file, made anew when that changes ----------------------------------------------------------
# The lock file constrains, too: of what packages ask for with an extra, an older pip would otherwise take the newest.
.venvs/local.made: infra/local/requirements.txt
.venvs/emulator.made: infra/local/emulator.txt
.venvs/sam.made: infra/deploy.txt
.venvs/scan.made: infra/scan.txt
.venvs/test.made .venvs/oldest.made: tests/requirements.txt
.venvs/bench.made: tests/benchmarks/requirements.txt
.venvs/fuzz.made: tests/fuzz/requirements.txt
.venvs/mutate.made: tests/mutation/requirements.txt
.venvs/audit.made: infra/audit.txt
.venvs/%.made:
	$(PYTHON) -m venv --clear .venvs/$*
	.venvs/$*/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $< -c $<
	@touch $@

.venvs/web-sdk.made .venvs/axe-core.made: .venvs/%.made: infra/%
	infra/$* .venvs/$*
	@touch $@

# ---- Locks: hashes, and no address of a registry --------------------------------------------------------------------------
COMPILE = .venvs/lock/bin/uv pip compile --quiet --no-config --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock:    ## pin the newest releases that pyproject.toml allows
	$(PYTHON) -m venv .venvs/lock
	.venvs/lock/bin/python -m pip install -qq --disable-pip-version-check uv
	$(COMPILE) pyproject.toml -o shared/requirements.txt
	$(COMPILE) --group refresh -o functions/refresh_rankings/requirements.txt
	$(COMPILE) --group objects -c functions/refresh_rankings/requirements.txt -o functions/report_performance/requirements.txt
	cp functions/report_performance/requirements.txt functions/erase_profiles/requirements.txt
	$(COMPILE) pyproject.toml --group local -c shared/requirements.txt -c functions/refresh_rankings/requirements.txt -o infra/local/requirements.txt
	$(COMPILE) pyproject.toml --group test -c infra/local/requirements.txt -o tests/requirements.txt
	$(COMPILE) pyproject.toml --group bench -c tests/requirements.txt -o tests/benchmarks/requirements.txt
	$(COMPILE) pyproject.toml --group mutate -c tests/requirements.txt -o tests/mutation/requirements.txt
	$(COMPILE) pyproject.toml --group fuzz -c tests/requirements.txt -o tests/fuzz/requirements.txt
	$(COMPILE) --group audit -o infra/audit.txt
	$(COMPILE) --group emulator -o infra/local/emulator.txt
	$(COMPILE) --group deploy -o infra/deploy.txt
	$(COMPILE) --group scan -o infra/scan.txt
