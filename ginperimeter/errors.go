package ginperimeter

import "errors"

// What Check can find. Compare with errors.Is.
var (
	// ErrNoPass says that the visitor holds no valid pass.
	ErrNoPass = errors.New("ginperimeter: no valid pass")
	// ErrHeaderToken says that X-Perimeter-Token holds something other than a
	// valid token.
	ErrHeaderToken = errors.New("ginperimeter: the header's token is not valid")
	// ErrHeaderMaxUses says that the header's token has a maximum of uses,
	// which can't be counted for requests.
	ErrHeaderMaxUses = errors.New("ginperimeter: a token with max uses does not work as a header")
	// ErrUnavailable says that the database or the session store did not
	// answer, so that nobody can be let in.
	ErrUnavailable = errors.New("ginperimeter: database or session store is away")
	// ErrNoSessions says that the sessions middleware is missing or stands in
	// the wrong place.
	ErrNoSessions = errors.New("ginperimeter: no session in the request; put r.Use(sessions.Sessions(name, store)) before the gate" +
		" (with sessions.SessionsMany, set Config.Session to one of the names)")
)

// tooManyError says that wrong tokens were tried too often.
type tooManyError struct{ retryAfter seconds }

func (e *tooManyError) Error() string {
	return "ginperimeter: too many wrong tokens; retry after " + e.retryAfter.String() + " s"
}
