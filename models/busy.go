package models

import "strings"

// isBusy tells whether SQLite said that somebody else holds the lock
// (SQLITE_BUSY). It reads the message, since no driver is imported here.
func isBusy(err error) bool {
	return err != nil && strings.Contains(err.Error(), "database is locked")
}
