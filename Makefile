# Everything that a person or CI does with this repository. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Pinned by exact version rather than as a `tool` in go.mod: its 200 dependencies would decide the versions of ours.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

TEST_FLAGS ?= -race -timeout 15m
PACKAGES ?= ./...

# For each fuzz target. To make what it found interesting smaller, Go would stop looking for up to a minute each time.
FUZZTIME ?= 30s
FUZZ_FLAGS = -fuzztime $(FUZZTIME) -fuzzminimizetime 1s -timeout 30m

.PHONY: help run build generate verify verify-schema release-schema clients-ready browser lint test test-race test-plain test-cost fuzz bench bench-quick bench-growth bench-instances bench-micro web verify-web test-web test-web-long lighthouse torture torture-short upgrade test-services-long test-proxies

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## start the server with its defaults: SQLite file, memory bus, http://127.0.0.1:8080
	go run .

build: ## build the one binary
	CGO_ENABLED=0 go build -trimpath -o studychat .

generate: ## write graph/generated and graph/model from schema.graphqls, and the code of the benchmarks' peer
	go run ./graph/plan/generate
	cd bench/peer/gqlgen && go tool gqlgen generate

web: ## build the pages into web/dist (needs Node 20)
	cd web && npm ci --no-audit --no-fund && npm run build

verify-web: web ## check and test the code of the pages and the client, and fail when web/dist is not what its source builds
	cd web && npm run check --workspaces --if-present && npm test
	git diff --exit-code -- web/dist
	@test -z "$$(git status --porcelain -- web/dist)" || { git status --short -- web/dist; exit 1; }

# Real servers: SQLite, then the main tests again on PostgreSQL with Redis.
test-web: browser ## drive the chat page in Chromium
	@test -d web/node_modules/@playwright || (cd web && npm ci --no-audit --no-fund)
	cd web/app && npx playwright test
	go run ./test/services/run -- sh -c 'cd web/app && SERVICES=yes npx playwright test e2e/main e2e/network e2e/outage'

# Measures more than it tests: 10,000 messages to the first one, 30 s with 100 events a second, 90 s asleep.
test-web-long: browser ## the tests of the chat page that take minutes
	@test -d web/node_modules/@playwright || (cd web && npm ci --no-audit --no-fund)
	cd web/app && LONG=yes npx playwright test --workers 1 e2e/size e2e/load e2e/outage

# Lighthouse has 200 packages, which no other test needs, so it is installed apart. Its times are those of the machine: nothing else may run.
lighthouse: browser ## score the chat page by Lighthouse: signed out and in a chat, on a computer and on a phone
	cd web/lighthouse && npm ci --no-audit --no-fund
	cd web/app && LIGHTHOUSE=yes npx playwright test

verify: generate verify-schema ## fail when generated code, formatting or go.mod drifted, or the schema breaks released clients
	go mod tidy -diff
	go mod verify
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	git diff --exit-code -- graph/generated graph/model bench/peer/gqlgen/generated go.mod go.sum

RELEASED_SCHEMA = docs/schema/released.graphqls

verify-schema: clients-ready ## fail when schema.graphqls could break clients of the released schema
	node --test --test-reporter=dot test/clients/node/schema-diff.test.mjs
	node test/clients/node/schema-diff.mjs $(RELEASED_SCHEMA) schema.graphqls

release-schema: ## with a release: what schema.graphqls promises now, verify-schema holds from now on
	cp schema.graphqls $(RELEASED_SCHEMA)

# Installs the npm packages of test/clients/ unless they are there. The stamp is the one that test/clients/main_test.go reads and
# writes, so that CI installs them once.
SHA256 = node -e 'const h = require("crypto").createHash("sha256"); process.stdin.on("data", d => h.update(d)).on("end", () => process.stdout.write(h.digest("hex")))'

clients-ready:
	@command -v node > /dev/null || { echo "verify-schema needs Node 20.19 or later"; exit 1; }
	@cd test/clients && want=$$({ cat package-lock.json; printf %s "$$(go env GOOS)$$(go env GOARCH)"; } | $(SHA256)) && \
	if [ "$$(cat node_modules/.installed 2> /dev/null)" != "$$want" ]; then \
		npm ci --no-audit --no-fund --prefer-offline && printf %s "$$want" > node_modules/.installed; \
	fi

$(GOLANGCI):
	mkdir -p bin
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

lint: $(GOLANGCI) ## run the pinned linters, go vet among them
	$(GOLANGCI) run ./...

test: test-race test-plain test-cost ## run all tests with the race detector; finds, starts or installs PostgreSQL and Redis
	@if command -v npm > /dev/null; then $(MAKE) test-web; else echo "The tests of the chat page need Node 20.19 or later."; test -z "$$CI"; fi

# Builds on all cores; then one package at a time: many wait on real servers, and miss their deadlines in a crowd.
test-race: browser
	go build -race $(PACKAGES)
	go run ./test/services/run -- go test -p 1 $(TEST_FLAGS) $(PACKAGES)

COSTLY = Suite|Ties|SendsAgree|Prune|RemoveTombstone|StatementsDoNotGrow

# Tests in which the detector sees nothing new: under it they are left out, or shorter. 1,000 seeds instead of 100; the interleavings
# of the cache, where one actor moves at a time; and every page of every list, in every store.
test-plain:
	go test -timeout 10m -run InMemory ./test/state
	go run ./test/services/run -- go test -timeout 10m -run 'Interleaving|Caught|Repository' ./db/cache
	go run ./test/services/run -- go test -timeout 10m -run '$(COSTLY)' ./db/sqlstore

# What costs CPU time, which the detector multiplies: hostile documents are judged, and 3,000 documents compared instead of 600.
test-cost:
	go test -timeout 5m -run 'Hostile|PlansAnswer' ./app ./graph

# test/clients/playground_test.go and web/app/e2e drive the pages in Chromium.
browser:
	@for name in google-chrome google-chrome-stable chromium chromium-browser; do command -v $$name > /dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; \
	fi || true; \
	command -v chromium > /dev/null || echo "There is no Chromium: the tests of the pages will be left out, or fail in CI."

fuzz: ## run every fuzz target for FUZZTIME (30s); what is found is written to testdata/fuzz, to be fixed and committed
	@set -euo pipefail; \
	list=$$(go test -list '^Fuzz' $(PACKAGES)); \
	awk '/^Fuzz/ {names[n++] = $$1} /^(ok|\?)[ \t]/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}' <<< "$$list" | \
	while read -r package target; do \
		out=$$(go test -run '^$$' -fuzz "^$$target\$$" $(FUZZ_FLAGS) "$$package" < /dev/null 2>&1) || { echo "$$out"; exit 1; }; \
		echo "ok $$package $$target $(FUZZTIME) $$(sed -n 's,.*\(execs: [0-9]*\).*,\1,p' <<< "$$out" | tail -n 1)"; \
	done

# The commit that `make bench` compares with: the last one before requests and events had fast paths of their own. BASE= compares with none.
BASE ?= 848f0a1
BENCH = go run ./test/services/run -- go test ./bench -run '^TestBench$$' -count 1 -v
BENCH_FLAGS ?=

bench: ## measure the server beside floors, peers and the commit BASE; 10 minutes; writes bench/results.json and docs/performance.md
	$(BENCH) -timeout 30m -scale full -base '$(BASE)' $(BENCH_FLAGS)

bench-quick: ## run every scenario of bench for a moment: answers and deliveries are checked, no time is
	$(BENCH) -timeout 10m -scale quick $(BENCH_FLAGS)

bench-growth: ## the same with 10 million messages in a chat, and 10,000 watched chats; 10 minutes
	$(BENCH) -timeout 60m -scale growth $(BENCH_FLAGS)

bench-instances: ## measure deliveries and sends with one, two and four instances; 4 minutes
	$(BENCH) -timeout 30m -scale instances $(BENCH_FLAGS)

# Compare with benchstat: go run golang.org/x/perf/cmd/benchstat@latest /tmp/before.txt /tmp/after.txt
bench-micro: ## run the benchmarks of the packages; with BENCH_BASE=COMMIT, those of the commit too: bench/before.txt and bench/after.txt
	@set -euo pipefail; \
	if [ -n "$(BENCH_BASE)" ]; then \
		tree=$$(mktemp -d); trap 'rm -rf "$$tree"' EXIT; \
		git archive "$(BENCH_BASE)" | tar x -C "$$tree"; \
		(cd "$$tree" && $(BENCH_MICRO)) > bench/before.txt; \
	fi; \
	$(BENCH_MICRO) | tee bench/after.txt

BENCH_MICRO = go run ./test/services/run -- go test -run '^$$' -bench . -benchmem -count 6 -cpu 1 $(PACKAGES)

# The main job on each way to reach PostgreSQL: a whole conversation over all transports and two instances, the contract of the store, streams
# under writers, and the random machine. TEST_POSTGRES: see test/services/postgres_kind.go.
MAIN_JOB = ^Test(Conversation|EventsOverSSE|Retries|BadInput|Stop|TwoInstances|ModulesOnTwoInstances|ListOnTwoInstances|CutAtTheStart|FeedJoinsList|EmptyCursors|JoinedOnFeed|EpochBump|PrunedWhileServed|SuitePostgres|StoreManyWritersAndReaders|StoreEveryEventAndTheEnd|StoreFeed.*|StateOnRealServers)$$

test-services-long: ## the main job over TLS with verify-full, through pgbouncer, and as a role that may only read and write rows
	@set -e; for kind in verify-full pgbouncer data-role; do \
		echo "PostgreSQL: $$kind"; \
		TEST_POSTGRES=$$kind go run ./test/services/run -- go test -p 1 -count 1 -timeout 15m -run '$(MAIN_JOB)' ./app ./db/sqlstore ./events/redisbus ./test/state; \
	done

TORTURE = go run ./test/services/run -- go test ./test/torture -run TestTorture -count 1 -timeout 30m
TORTURE_LINES = test/torture/report/torture.jsonl

torture: ## try the promises under faults, with real servers; 13 minutes; writes torture.jsonl line by line, and docs/reliability.md
	rm -f $(TORTURE_LINES)
	$(TORTURE) -torture long -torture.out $(CURDIR)/$(TORTURE_LINES); status=$$?; \
	go run ./test/torture/report $(TORTURE_LINES) > docs/reliability.md; exit $$status

test-proxies: ## run clients behind nginx, HAProxy and Caddy, with the configurations of deploy/: idle, reloaded, killed, and with instances replaced; 3 minutes
	TEST_PROXIES=yes go run ./test/services/run -- go test ./test/proxies -proxies -count 1 -timeout 15m

upgrade: ## run three versions of the server side by side on one PostgreSQL; builds the server three times
	go run ./test/services/run -- go test ./test/upgrade -upgrade -count 1 -timeout 15m

torture-short: ## the checks that matter most, with less load; 4 minutes
	$(TORTURE) -torture short
