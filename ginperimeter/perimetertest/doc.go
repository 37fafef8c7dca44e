// Package perimetertest helps the tests of a host application: Covered proves
// that a gate guards every route, and Enter gives a client that is inside.
package perimetertest
