# Benchmarks; PERFORMANCE.md explains them. A run of all is repeated, rather
# than each benchmark, so that what else the machine does hits all alike.

BENCH_COUNT ?= 6
GROWTH_DATABASES ?= sqlite

.PHONY: bench bench-http bench-memory bench-growth

bench: ## what a request and an entry cost; results for benchstat in bench.txt
	rm -f bench.txt
	for i in $$(seq $(BENCH_COUNT)); do \
		go test ./ginperimeter -run '^$$' -bench Request -skip session-read -benchtime 20000x -timeout 30m >> bench.txt || exit 1; \
		go test ./ginperimeter -run '^$$' -bench Request/session-read -benchtime 1000x -timeout 30m >> bench.txt || exit 1; \
		go test ./ginperimeter -run '^$$' -bench Added -benchtime 100x -timeout 30m >> bench.txt || exit 1; \
		go test ./ginperimeter -run '^$$' -bench Entry -benchtime 1000x >> bench.txt || exit 1; \
	done
	go run ./internal/loadtest ratios bench.txt

bench-http: ## the whole site on the loopback interface, and revocation at full load; needs wrk and Redis
	go build -o loadtest.bin ./internal/loadtest
	./loadtest.bin http
	./loadtest.bin revoke
	rm -f loadtest.bin

bench-memory: ## the memory of 100,000 visitors
	go test ./ginperimeter -run '^$$' -bench Memory -benchtime 1x -timeout 30m

bench-growth: ## lists, pages and entries with a million tokens and ten million uses
	PERIMETER_GROWTH="1000 100000 1000000" PERIMETER_GROWTH_DATABASES="$(GROWTH_DATABASES)" \
		go test ./models ./internal/growth -p 1 -run '^$$' -bench 'Growth|Pages' -benchtime 100x -timeout 2h
