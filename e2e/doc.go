// Package e2e walks through the demo, and through small hosts of its own, in
// a real browser, as visitors and admins do.
//
//	go test -count=1 ./...          the whole walk
//	go test -count=1 ./... -update  and new pictures for the README
//
// It needs Chromium, and npm for the accessibility checks of axe-core. Where
// one is missing the tests say so and skip; with CI=true they fail. Pictures
// of every page are left in screenshots/.
package e2e
