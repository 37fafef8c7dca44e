# What CI runs, target by target. `make help` lists them.
SHELL := /bin/bash
GOLANGCI_VERSION := v2.6.2
GOVULNCHECK_VERSION := v1.1.4
FUZZTIME ?= 60s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.PHONY: demo
demo: ## run the demo site
	go run ./example

.PHONY: test
test: ## run all tests; what needs a server or a browser is skipped where it is missing, and fails where CI=true
	go test ./...

.PHONY: metrics
metrics: ## test the examples for Prometheus and OpenTelemetry, a module of their own
	cd docs/observability && go mod tidy -diff && go vet ./... && go test -count=1 ./...

.PHONY: race
race: ## run all tests in random order under the race detector
	go test -race -shuffle=on -short -timeout 30m ./...

.PHONY: cover
cover: ## show how much of the library the tests reach
	go test -short -coverpkg=./ginperimeter/...,./ginviewpass/...,./models/...,./templates/...,./admin/... -coverprofile=coverage.out ./...
	go tool cover -func=coverage.out | tail -1

.PHONY: lint
lint: tidy-check cgo-free ## format, vet, static analysis, tidy modules, no driver in the library
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION) run ./...

.PHONY: tidy-check
tidy-check: ## fail when go.mod or go.sum is not tidy
	go mod tidy -diff
	cd e2e && go mod tidy -diff

LIBRARY := ./ginperimeter ./ginviewpass ./models ./templates ./admin

.PHONY: cgo-free
cgo-free: ## the library builds without cgo, a database driver or a Redis client
	CGO_ENABLED=0 go build $(LIBRARY)
	@! go list -deps $(LIBRARY) | grep -E 'gorm.io/driver|go-sqlite3|go-sql-driver|jackc/pgx|redigo|go-redis'

.PHONY: vuln
vuln: ## look for known vulnerabilities (asks vuln.go.dev)
	go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION) ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (default 60s)
	@set -e; for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

.PHONY: e2e
e2e: ## walk through the demo in a real browser (needs Chromium and npm)
	cd e2e && go vet ./... && go test -count=1 -timeout 20m ./...

-include bench.mk release.mk
