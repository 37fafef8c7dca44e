package models

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFound says that no row has that ID, or that token.
	ErrNotFound = errors.New("models: not found")
	// ErrDeactivated, ErrExpired and ErrUsedUp say why a known token admits nobody.
	ErrDeactivated = errors.New("models: access token is deactivated")
	ErrExpired     = errors.New("models: access token has expired")
	ErrUsedUp      = errors.New("models: access token is used up")
	// ErrConflict says that somebody else changed the row since it was read.
	ErrConflict = errors.New("models: changed by somebody else meanwhile")
	// ErrSettings says that the connection can't read and write times; the
	// error that wraps it says which setting to change.
	ErrSettings = errors.New("models: the MySQL driver's DSN is not set for times")
	// ErrNoTables says that Migrate has not run on this database.
	ErrNoTables = errors.New("models: the tables are missing; run models.Migrate(db) or perimeter migrate")
)

// TokenExistsError says that a custom token is taken.
type TokenExistsError struct {
	ID uint // of the token that exists
}

func (e *TokenExistsError) Error() string {
	return fmt.Sprintf("models: this token exists already, with ID %d; extend that one, or choose another text", e.ID)
}

// RepeatedError says that the form was used to create a token before.
type RepeatedError struct {
	ID uint // of the token that it made
}

func (e *RepeatedError) Error() string {
	return fmt.Sprintf("models: this form made a token already, with ID %d", e.ID)
}

// InvalidError says that a value from a person cannot be stored, and why.
type InvalidError struct {
	Field  string // "token", "label", "expires", …
	Reason string // what is wrong and what to do, without the value itself
}

func (e *InvalidError) Error() string { return "models: " + e.Field + ": " + e.Reason }
