# Everything that a contributor runs. `make` lists the targets.

SHELL = /bin/sh
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LISTEN ?= 127.0.0.1:8080
DATA ?= data

# Packages with unit tests. The stories in e2e/ need the built binary.
UNIT = $$(go list ./... | grep -v '/e2e')

# A tofu on PATH wins; bin/tofu is the one that `make tofu` builds.
TOOLS = PATH="$$PATH:$(CURDIR)/bin"

# Runs a command with a PostgreSQL of its own, and go test with a summary.
POSTGRES = go run ./tools/testpg --
TEST = go run ./tools/testreport --

.DEFAULT_GOAL = help
.PHONY: help run build test check format vet lint architecture generate generated tofu s3 e2e faults bench bench-authzen bench-search bench-run bench-runs bench-peers clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build tofu ## start a server with one worker and a data directory of its own; LISTEN and DATA choose where
	@exec env $(TOOLS) bin/airlock serve --data $(DATA) --listen $(LISTEN) --git-schemes https,ssh,file,http --workers 1

build: ## build bin/airlock
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/airlock ./cmd/airlock

test: tofu s3 ## run all unit tests, on SQLite and PostgreSQL; list what was skipped and why
	@$(TOOLS) $(POSTGRES) $(TEST) $(UNIT)

check: format vet lint generated architecture test ## everything that must pass before a change lands, but for e2e

format: ## fail on files that gofmt would change
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

vet: ## run go vet
	@go vet ./...

lint: ## run golangci-lint, which is built from source on first use
	@lint=$$(tools/cached.sh lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint) && "$$lint" run ./...

architecture: ## check import rules, names, package comments and sizes
	@go test ./internal/archtest

generate: ## regenerate the code that is generated
	@go generate ./...

generated: ## fail if generated code is not what `make generate` makes
	@tools/generated.sh

tofu: ## make sure that there is an OpenTofu: the one on PATH, or one built from source
	@if found=$$(command -v tofu); then echo "OpenTofu: $$found"; else \
		found=$$(tools/cached.sh tofu github.com/opentofu/opentofu/cmd/tofu '-X github.com/opentofu/opentofu/version.dev=no') && \
		mkdir -p bin && ln -sf "$$found" bin/tofu && echo "OpenTofu: bin/tofu -> $$found"; fi

s3: ## make sure that there is the S3 server that tests of object storage run against
	@echo "S3 server: $$(tools/cached.sh s3 github.com/versity/versitygw/cmd/versitygw)"

e2e: build tofu ## run the stories on the built binary, on SQLite and PostgreSQL
	@$(TOOLS) $(POSTGRES) $(TEST) -count=1 ./e2e/...

# Hours: every race as often as ROUNDS says, and CASES answers compared with
# the second evaluator, a twenty-fifth of them through each database.
SOAK = 'Case28|Case57|Case62|Case196|AgainstReference'
ROUNDS ?= 10000
CASES ?= 5000000
soak: build tofu ## run the races and the comparisons for hours, on SQLite and PostgreSQL; ROUNDS and CASES say how long
	@AIRLOCK_RACE_ROUNDS=$(ROUNDS) AIRLOCK_CASES=$(CASES) $(TOOLS) $(POSTGRES) $(TEST) -count=1 -timeout 24h -run $(SOAK) \
		./authz ./internal/access ./internal/authzen ./internal/bindings ./internal/stacks ./e2e

# An hour or two. In `make e2e` the same tests cause a few of these faults.
SERVER_KILLS ?= 1000
WORKER_KILLS ?= 200
CLAIMED_RUNS ?= 10000
faults: build tofu ## kill servers and workers, cut connections, and check the invariants, for hours, on SQLite and PostgreSQL
	@AIRLOCK_SERVER_KILLS=$(SERVER_KILLS) AIRLOCK_WORKER_KILLS=$(WORKER_KILLS) AIRLOCK_CLAIMED_RUNS=$(CLAIMED_RUNS) $(TOOLS) $(POSTGRES) go test -count=1 -timeout 12h -v \
		-run 'Case14|Case15' -skip 'Case148' ./e2e
	@AIRLOCK_WORKER_KILLS=$(WORKER_KILLS) $(TOOLS) $(POSTGRES) go test -count=1 -timeout 12h -v -parallel 10 -run 'Case148' ./e2e

bench: ## run the benchmarks
	@go test -run '^$$' -bench . -benchmem $(UNIT)

# -mod=mod because what Airlock itself requires counts there, too, and changes.
bench-authzen: ## measure AuthZEN evaluations over TCP on loopback, on SQLite and PostgreSQL
	@$(POSTGRES) go test ./internal/authzen -run '^$$' -bench AuthZEN -benchtime 3s -timeout 30m

bench-search: ## measure searchStacks on SQLite and PostgreSQL over 10,000 stacks; STACKS=1000000 loads world L first
	@AIRLOCK_BENCH_STACKS=$(STACKS) $(POSTGRES) go test ./internal/graphql -run '^$$' -bench SearchStacks -benchtime 200x -timeout 60m

bench-run: build tofu ## measure what a run costs above its bare commands, step by step, and runs in a second, on SQLite
	@$(TOOLS) go test ./e2e -run '^$$' -bench 'RunOverhead' -benchtime 25x -timeout 60m
	@$(TOOLS) go test ./e2e -run '^$$' -bench 'RunsPerSecond' -benchtime 7x -timeout 60m

bench-runs: bench-run ## bench-run, idle workers, claims under load and how late a line of log is seen
	@$(TOOLS) $(POSTGRES) go test ./e2e -run '^$$' -bench 'IdleWorkers|Claim|LogVisible' -benchtime 1x -timeout 60m

speed: ## measure what has a bar and write the table of docs/speed.md; ONLY=authz measures one folder and writes nothing
	@go run ./tools/speed $(if $(ONLY),-only $(ONLY),-write docs/speed.md)

bench-peers: ## measure other decision engines beside ours and write the table of bench/README.md; SHORT=1 only tries it out
	@cd bench && go run -mod=mod . $(if $(SHORT),-short,-write README.md)

clean: ## remove what the targets built in this folder
	@rm -rf bin
