// Package database opens the databases that the demo and the command-line tool
// accept, with the settings that the models need, and says what is wrong with
// them in one line that never holds a password.
//
// It is the only package besides tests that imports database drivers.
package database
