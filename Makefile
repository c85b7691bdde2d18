# flatwatt. `make` lists the targets.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GO ?= go
FUZZTIME ?= 10m
FUZZ := formats/nem12:FuzzNEM12 formats/cmep:FuzzCMEP formats/espi:FuzzESPI formats/cim:FuzzCIM formats/sgcc:FuzzSGCC \
	formats/csvmap:FuzzCSV formats/lineproto:FuzzLineProtocol formats/pq:FuzzParquet formats:FuzzOpen ingest:FuzzNDJSON \
	wire:FuzzJSON wire:FuzzLineProtocol wire:FuzzBatch file:FuzzTime file:FuzzNumber file:FuzzCSV
BIG_MB ?= 10240
SEEDS ?= 201 202 203 204 205

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/flatwatt
	$(GO) build -o bin/flatwatt ./cmd/flatwatt

demo: ## simulate a fleet, replay it through embedded servers, rank the suspects
	$(GO) run ./cmd/flatwatt demo

test: ## run every test that needs nothing but Go
	$(GO) test ./...

race: ## the same with the race detector (needs a C compiler)
	$(GO) test -race ./...

integration: ## test against a real InfluxDB 2.7; builds it once, never skips
	scripts/integration.sh

chaos: ## kill workers, servers and a cluster's leader many times; thousands of seeds (an hour)
	$(GO) test -run 'Simulation' ./streams ./streams/partition -seeds 30000 -timeout 60m
	FLATWATT_KILLS=60 FLATWATT_AWAY_READINGS=36000000 $(GO) test -run "Killed|ClusterUnderFire|TakeOver|FullDisk|HourWithout" -v -timeout 120m ./cmd/flatwatt

fuzz: ## fuzz every parser, FUZZTIME each (10m); `make test` runs the corpus that is kept
	@for t in $(FUZZ); do \
		$(GO) test -run '^$$' -fuzz "^$${t#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x -parallel 1 ./streams/$${t%:*} || exit 1; \
	done

big: ## read BIG_MB megabytes (10,240) of each format within 200 MB of memory (half an hour)
	FLATWATT_BIG_MB=$(BIG_MB) $(GO) test -v -run TestBigFiles -timeout 3h ./streams/formats

mutations: ## plant bugs, one at a time, and make sure that tests notice (ten minutes)
	$(GO) run ./scripts/mutations

deploy: ## hold chart, compose file and examples against Helm, Kubernetes and Compose (minutes)
	cd deploy/check && $(GO) test ./...

peers: ## run one rule in River, Telegraf and Redpanda Connect, and flatwatt beside them (installs them; minutes)
	scripts/peers/setup.sh

release-check: ## build the release twice and compare; build it without a network (minutes)
	scripts/release-check.sh

dependencies: ## compare the modules we are built from with the list that was reviewed
	$(GO) run ./scripts/dependencies

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted (run gofmt -w):"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

bench: ## run the benchmarks, a second each
	$(GO) test -run '^$$' -bench . -benchmem ./...

benchmark: ## score simulated fleets of several seeds against their truth
	@for seed in $(SEEDS); do \
		dir=$$(mktemp -d); \
		$(GO) run ./cmd/flatwatt simulate --seed $$seed --out $$dir/fleet && \
		$(GO) run ./cmd/flatwatt score --fleet $$dir/fleet --out $$dir/out --top 0 && \
		$(GO) run ./cmd/flatwatt evaluate --fleet $$dir/fleet --scores $$dir/out --method "seed $$seed"; \
		code=$$?; rm -rf $$dir; [ $$code -eq 0 ] || exit $$code; \
	done

model: ## fit a model file by the plan of the shipped one (minutes; needs the public data)
	$(GO) run ./cmd/flatwatt fit --plan testdata/model/plan.yaml --out model.json

.PHONY: help build demo test race integration chaos deploy release-check peers mutations dependencies fuzz big lint bench benchmark model
