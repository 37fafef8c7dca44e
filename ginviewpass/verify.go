package ginviewpass

import (
	"strings"
	"time"
)

// clockSkew is how far in the future a link may have been issued: the clocks
// of servers that share a key differ a little.
const clockSkew = 60 // seconds

// Grant is what a link says.
type Grant struct {
	// Permission is what Require asks for.
	Permission string

	// Path is the page as the routes see it, in canonical percent-encoding.
	Path string

	// Query is the canonical query that was signed with the path: without the
	// link and ignored parameters, sorted by name. The link itself carries only
	// its signature.
	Query string

	// IssuedAt is when the link was made, by the clock of who made it.
	IssuedAt time.Time

	// ExpiresAt is the first moment at which the link is no longer valid, or
	// zero if it never expires. Config.MaxAge is taken into account.
	ExpiresAt time.Time
}

// Verify checks a link as URL and AbsoluteURL print it, for the moment at.
// Scheme and host, if any, are not looked at, and the path of Config.BaseURL
// is taken off where link begins with it. Verify changes nothing, keeps
// nothing, and may be called concurrently.
//
// With a nil error the link holds. With ErrExpired, ErrNotYetValid and
// ErrWrongPath the signature is right, and the Grant tells what the link says;
// with ErrNoLink, ErrMalformed, ErrUnknownKey and ErrBadSignature it is empty.
func (l *Links) Verify(link string, at time.Time) (Grant, error) {
	path, query, _ := strings.Cut(withoutOrigin(link), "?")
	return l.verify(l.withoutPrefix(path), query, at)
}

func withoutOrigin(link string) string {
	if strings.HasPrefix(link, "/") {
		return link
	}
	for _, scheme := range []string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(link, scheme); ok {
			if slash := strings.IndexAny(rest, "/?"); slash >= 0 {
				return rest[slash:]
			}
			return ""
		}
	}
	return link
}

func (l *Links) withoutPrefix(path string) string {
	if l.prefix == "" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, l.prefix); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}

// verify checks the link in a raw query for the path, both as the routes see
// them.
func (l *Links) verify(path, rawQuery string, at time.Time) (grant Grant, err error) {
	token, query, err := l.ignored.cutToken(rawQuery)
	if err != nil {
		return grant, err
	}
	page, pathErr := canonicalPath(path)
	c := claims{path: page}
	if err := l.open(&c, token, query); err != nil {
		return grant, err
	}
	end := c.expires(l.maxAge)
	grant.Permission, grant.Path, grant.Query = c.permission, c.path, query
	grant.IssuedAt = time.Unix(c.issued, 0).UTC()
	if end != 0 {
		grant.ExpiresAt = time.Unix(end, 0).UTC()
	}
	if pathErr != nil || page != c.path {
		return grant, ErrWrongPath
	}
	switch now := at.Unix(); {
	case c.issued > now+clockSkew:
		return grant, ErrNotYetValid
	case end != 0 && now >= end:
		return grant, ErrExpired
	}
	return grant, nil
}

// open reads what a token says into c, once one of the keys has been found to
// have signed it together with query.
func (l *Links) open(c *claims, token, query string) error {
	head, tail, id, err := splitToken(token)
	if err != nil {
		return err
	}
	result := ErrUnknownKey
	for _, k := range l.keys {
		if k.id != id {
			continue
		}
		if result = k.open(c, head, tail, query); result == nil {
			return nil
		} // else another key may have the same id
	}
	if !isText(head) || !isText(tail) {
		return ErrMalformed
	}
	return result
}
