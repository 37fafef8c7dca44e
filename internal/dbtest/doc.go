// Package dbtest runs one test on every database and session store that the
// project promises to work with, each time on a database of its own.
//
// A server that is not there is skipped, which the output says, unless the
// environment has CI=true: then it is a failure. Where the servers are is told
// by
//
//	PERIMETER_TEST_POSTGRES   postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable
//	PERIMETER_TEST_MYSQL      mysql://root@127.0.0.1:3306/mysql
//	PERIMETER_TEST_REDIS      127.0.0.1:6379
//
// with these defaults. The users must be allowed to create databases.
package dbtest
