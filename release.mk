# What a release consists of. Included by the Makefile.
VERSION ?= $(shell git describe --tags --always --dirty)

.PHONY: licences
licences: ## list the modules that are built in, with their licences, in docs/licences.md
	go run ./.ci/licences > docs/licences.md

.PHONY: licences-check
licences-check: ## fail when a licence is unknown, or docs/licences.md is not up to date
	go run ./.ci/licences | diff docs/licences.md -

.PHONY: dist
dist: ## make what a release publishes: source, tool, bill of materials and checksums
	rm -rf dist && mkdir dist
	git archive --format=tar.gz --prefix=gin-perimeter-$(VERSION)/ -o dist/gin-perimeter-$(VERSION).tar.gz HEAD
	go build -trimpath -ldflags '-s -w' -o dist/perimeter ./cmd/perimeter
	tar -C dist -czf dist/perimeter-$(VERSION)-$$(go env GOOS)-$$(go env GOARCH).tar.gz perimeter && rm dist/perimeter
	go run ./.ci/licences -sbom $(VERSION) > dist/gin-perimeter-$(VERSION).cdx.json
	cd dist && sha256sum -- * > SHA256SUMS

.PHONY: publish
publish: ## publish dist as the release of the tag VERSION (needs gh, signed in)
	gh release create $(VERSION) --verify-tag --generate-notes dist/*
