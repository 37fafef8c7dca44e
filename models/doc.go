// Package models holds the rows that gin-perimeter keeps: access tokens, their
// uses, and who changed what. It has the rules on those rows and every query;
// it knows nothing of HTTP.
//
// All functions take the host's *gorm.DB and work on SQLite, PostgreSQL,
// MariaDB and MySQL. They are safe for concurrent use, by any number of
// processes on one database.
//
// A token itself is never stored: a row holds its SHA-256 digest. Times are
// stored in UTC.
package models
