package ginviewpass

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Option says how long one link lives. Give URL one of them at most.
type Option func(*terms)

// terms collects the options of one call.
type terms struct {
	now   time.Time
	end   time.Time
	never bool
	given int
}

// ExpiresIn lets a link live for d, a second at least.
func ExpiresIn(d time.Duration) Option {
	return func(t *terms) { t.end = t.now.Add(d); t.given++ }
}

// ExpiresAt lets a link live until at, which must be in the future. Parts of
// a second are dropped.
func ExpiresAt(at time.Time) Option {
	return func(t *terms) { t.end = at; t.given++ }
}

// NeverExpires lets a link live until its key is removed from Config.Keys.
// There is no other way to take it back.
func NeverExpires() Option {
	return func(t *terms) { t.never = true; t.given++ }
}

// URL returns a link to one page: the path, with the query if the page has
// one, and a signature that lets its bearer through Require(permission) there.
// Without an option the link lives for Config.DefaultLifetime.
//
// path is how the routes see the page, such as "/report/?year=2026". It may be
// percent-encoded or hold Unicode as it is. The link begins with the path of
// Config.BaseURL, if that has one.
//
// URL refuses what could never verify: an address of another site, a fragment,
// dot segments, empty segments, a query that cannot be parsed. Its errors wrap
// ErrTarget, ErrPermission or ErrLifetime.
func (l *Links) URL(path, permission string, options ...Option) (string, error) {
	page, err := l.parseTarget(path)
	if err != nil {
		return "", err
	}
	if err := checkPermission(permission); err != nil {
		return "", err
	}
	c, err := l.lifetimeFor(options)
	if err != nil {
		return "", err
	}
	c.permission, c.path = permission, page.path
	return l.sign(c, page)
}

// AbsoluteURL is URL with the scheme and host of Config.BaseURL before it, as
// a mail needs it. Without a BaseURL it fails with ErrNoBaseURL.
func (l *Links) AbsoluteURL(path, permission string, options ...Option) (string, error) {
	if l.origin == "" {
		return "", ErrNoBaseURL
	}
	link, err := l.URL(path, permission, options...)
	if err != nil {
		return "", err
	}
	return l.origin + link, nil
}

// target is a page that a link can be made to.
type target struct {
	path    string // canonical
	query   string // canonical: what is signed
	printed string // the query as it was given: what is printed
}

func (l *Links) parseTarget(s string) (target, error) {
	if strings.Contains(s, "#") {
		return target{}, fmt.Errorf("%w: a fragment is not sent to servers; append it to the finished link", ErrTarget)
	}
	if len(s) > maxQuery {
		return target{}, fmt.Errorf("%w: %w", ErrTarget, errLong)
	}
	rawPath, rawQuery, _ := strings.Cut(s, "?")
	path, err := canonicalPath(rawPath)
	if err != nil {
		return target{}, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	query, err := l.ignored.canonicalQuery(rawQuery)
	if err != nil {
		return target{}, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	printed, err := printable(rawQuery)
	if err != nil {
		return target{}, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	return target{path: path, query: query, printed: printed}, nil
}

func checkPermission(permission string) error {
	if permission == "" {
		return fmt.Errorf("%w: it is empty", ErrPermission)
	}
	if len(permission) > maxPermission {
		return fmt.Errorf("%w: it is %d bytes long; %d are allowed", ErrPermission, len(permission), maxPermission)
	}
	if !utf8.ValidString(permission) || strings.ContainsFunc(permission, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return fmt.Errorf("%w: it has characters that cannot be printed", ErrPermission)
	}
	if strings.TrimSpace(permission) != permission {
		return fmt.Errorf("%w: it has space around it", ErrPermission)
	}
	return nil
}

// lifetimeFor returns claims with issue and expiry only.
func (l *Links) lifetimeFor(options []Option) (claims, error) {
	now := l.now()
	t := terms{now: now, end: now.Add(l.lifetime)}
	for _, option := range options {
		option(&t)
	}
	if t.given > 1 {
		return claims{}, fmt.Errorf("%w: give ExpiresIn, ExpiresAt or NeverExpires once", ErrLifetime)
	}
	c := claims{issued: now.Unix()}
	if c.issued < 0 || c.issued > maxIssued {
		return claims{}, fmt.Errorf("%w: the clock says %v", ErrLifetime, now.UTC())
	}
	if t.never {
		if l.maxAge > 0 {
			return claims{}, fmt.Errorf("%w: a link that never expires is beyond Config.MaxAge (%v)", ErrLifetime, l.maxAge)
		}
		return c, nil
	}
	c.ttl = t.end.Unix() - c.issued
	return c, l.checkTTL(c.ttl)
}

func (l *Links) checkTTL(seconds int64) error {
	switch {
	case seconds < 1:
		return fmt.Errorf("%w: it would have ended already", ErrLifetime)
	case seconds > maxTTL:
		return fmt.Errorf("%w: it is longer than 136 years; say NeverExpires", ErrLifetime)
	case l.maxAge > 0 && seconds > int64(l.maxAge/time.Second):
		return fmt.Errorf("%w: it is longer than Config.MaxAge (%v)", ErrLifetime, l.maxAge)
	}
	return nil
}

// sign prints the link for c, which is about page.
func (l *Links) sign(c claims, page target) (string, error) {
	var space, buf [256]byte
	signer := l.keys[0]
	payload := c.appendTo(space[:0], signer.id)
	link := append(buf[:0], l.prefix...)
	link = append(link, page.path...)
	link = append(link, '?')
	if page.printed != "" {
		link = append(link, page.printed...)
		link = append(link, '&')
	}
	query := len(link) - len(l.prefix) - len(page.path)
	link = append(link, Param+"="...)
	token := len(link)
	link = appendEncoded(link, payload)
	link = append(link, ':')
	link = signer.sign(link, payload, page.query)
	if len(link)-token > maxToken || query+len(link)-token > maxQuery-len(Param)-1 {
		return "", fmt.Errorf("%w: %w", ErrTarget, errLong)
	}
	return string(link), nil
}
