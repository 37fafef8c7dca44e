package ginviewpass

import "errors"

// What Verify has against a link. With ErrWrongPath, ErrNotYetValid and
// ErrExpired the signature was right, and the Grant beside the error is what
// the link says; with the others the Grant is empty.
var (
	// ErrNoLink means that the query carries no viewpass parameter.
	ErrNoLink = errors.New("ginviewpass: no link in the query")

	// ErrMalformed means that the link cannot be read: cut off, doubled,
	// changed by a mail program ("&amp;viewpass="), or made by something else.
	ErrMalformed = errors.New("ginviewpass: link is malformed")

	// ErrUnknownKey means that none of Config.Keys can have signed the link,
	// as after the removal of an old key.
	ErrUnknownKey = errors.New("ginviewpass: link was signed with an unknown key")

	// ErrBadSignature means that the link or the page's query was changed.
	ErrBadSignature = errors.New("ginviewpass: signature does not fit the link and the query")

	// ErrWrongPath means that the link is authentic, but for another path.
	ErrWrongPath = errors.New("ginviewpass: link was made for another path")

	// ErrNotYetValid means that the link was issued more than 60 seconds in
	// the future: the clocks of two servers disagree.
	ErrNotYetValid = errors.New("ginviewpass: link is not valid yet")

	// ErrExpired means that the link is authentic for this page and too old.
	ErrExpired = errors.New("ginviewpass: link expired")
)

// What URL and AbsoluteURL refuse to sign. The errors that they return wrap
// one of these and say what to change.
var (
	// ErrTarget is a path or query that could never verify.
	ErrTarget = errors.New("ginviewpass: cannot make a link to this target")

	// ErrPermission is an empty, overlong or unprintable permission.
	ErrPermission = errors.New("ginviewpass: not a permission")

	// ErrLifetime is an expiry in the past, beyond Config.MaxAge, or given twice.
	ErrLifetime = errors.New("ginviewpass: not a lifetime for a link")

	// ErrNoBaseURL means that AbsoluteURL was called without Config.BaseURL.
	ErrNoBaseURL = errors.New("ginviewpass: Config.BaseURL is empty; set it to the site's address, such as https://www.example.com")
)
