// Package production holds no code. Its tests run the demo as a company runs
// it: real processes on a database server and Redis, behind proxies, and with
// everything breaking that can break.
//
// Those that take longer than a few seconds run where PERIMETER_TEST_LONG is
// set, and in CI (CI=true). They need the database servers that package dbtest
// names and the program redis-server, of which every test starts its own.
package production
