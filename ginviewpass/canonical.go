package ginviewpass

import (
	"errors"
	"net/url"
	"strings"
)

// A link survives what browsers, proxies and mail programs do to an address
// without changing its meaning, and nothing else. The functions here give all
// spellings of a page one form, and refuse pages that programs read
// differently.

var (
	errNoSlash    = errors.New("a path begins with one slash")
	errDots       = errors.New(`a path has no segments "." and "..", encoded ones included`)
	errEmpty      = errors.New("a path has no empty segments")
	errEscape     = errors.New("a path has two hex digits after each percent sign, and ? and # are escaped")
	errBackslash  = errors.New("a path has no backslashes")
	errControl    = errors.New("a path has no control characters")
	errQuery      = errors.New("a query is pairs of valid percent-encoding, separated by &")
	errQueryParam = errors.New("a query has no viewpass parameter yet")
	errLong       = errors.New("a path and query must be shorter")
)

// plain are the bytes that stand for themselves in a segment of a path
// (pchar of RFC 3986, section 3.3, without the percent sign).
var plain = func() (set [256]bool) {
	for _, b := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@") {
		set[b] = true
	}
	return set
}()

// canonicalPath returns the one spelling of a path in URL encoding: each
// segment between slashes is unescaped and escaped again, so that %7E is ~
// but %2F is not a slash. Case, Unicode and a slash at the end are significant.
func canonicalPath(escaped string) (string, error) {
	if escaped == "" || escaped[0] != '/' {
		return "", errNoSlash
	}
	start := 1 // of the segment
	for i := 1; i < len(escaped); i++ {
		if escaped[i] == '/' {
			if err := checkSegment(escaped[start:i]); err != nil {
				return "", err
			}
			start = i + 1
		} else if !plain[escaped[i]] {
			return rewritePath(escaped)
		}
	}
	if start < len(escaped) { // else a slash is at the end
		if err := checkSegment(escaped[start:]); err != nil {
			return "", err
		}
	}
	return escaped, nil
}

// rewritePath is canonicalPath for paths that are not canonical yet.
func rewritePath(escaped string) (string, error) {
	var b strings.Builder
	b.Grow(len(escaped) + 16)
	rest := escaped[1:]
	for {
		segment, tail, more := strings.Cut(rest, "/")
		decoded, err := url.PathUnescape(segment)
		if err != nil || strings.ContainsAny(segment, "?#") {
			return "", errEscape
		}
		if more || decoded != "" {
			if err := checkDecoded(decoded); err != nil {
				return "", err
			}
		}
		b.WriteByte('/')
		writeEscaped(&b, decoded)
		if !more {
			return b.String(), nil
		}
		rest = tail
	}
}

// checkSegment refuses a plain segment that could lead elsewhere.
func checkSegment(segment string) error {
	switch segment {
	case "":
		return errEmpty
	case ".", "..":
		return errDots
	}
	return nil
}

// checkDecoded refuses an unescaped segment that could lead elsewhere, also
// once a router has taken its escaped slashes for real ones.
func checkDecoded(segment string) error {
	for i := range len(segment) {
		if segment[i] == '\\' {
			return errBackslash
		}
		if segment[i] < 0x20 || segment[i] == 0x7f {
			return errControl
		}
	}
	for part := range strings.SplitSeq(segment, "/") {
		if err := checkSegment(part); err != nil {
			return err
		}
	}
	return nil
}

func writeEscaped(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; plain[c] {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}

// ignored are names of parameters that are neither signed nor checked.
type ignored struct {
	names    map[string]bool
	prefixes []string
}

func (g *ignored) has(name string) bool {
	if g.names[name] {
		return true
	}
	for _, prefix := range g.prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// cutToken takes the link out of a raw query. What is left of the query comes
// back in its canonical form: without ignored parameters, sorted by name, the
// values of a name in their order. It fails on a query that Go's own handlers
// would read only in part, and on any number of links but one.
func (g *ignored) cutToken(raw string) (token, query string, err error) {
	if len(raw) > maxQuery {
		return "", "", ErrMalformed
	}
	if rest, ok := strings.CutPrefix(raw, Param+"="); ok && isLiteral(rest) {
		return rest, "", nil // nothing but the link: the common case
	}
	values, err := url.ParseQuery(raw)
	if err != nil || strings.Contains(raw, "#") {
		if strings.Contains(raw, Param) {
			return "", "", ErrMalformed
		}
		return "", "", ErrNoLink
	}
	switch tokens := values[Param]; {
	case len(tokens) == 1 && isNamed(raw):
		token = tokens[0]
	case len(tokens) == 1:
		return "", "", ErrMalformed
	case len(tokens) > 1 || broken(values):
		return "", "", ErrMalformed
	default:
		return "", "", ErrNoLink
	}
	delete(values, Param)
	return token, g.encode(values), nil
}

// isLiteral tells whether s is a single value of a query, spelt as it is
// meant. With "+" or ";" it would not be, but it is no token then either.
func isLiteral(s string) bool {
	return strings.IndexByte(s, '&') < 0 && strings.IndexByte(s, '%') < 0
}

// isNamed tells whether the link's parameter is spelt as it always is. Under a
// name with escaped letters a log would not know it for a link.
func isNamed(raw string) bool {
	return strings.HasPrefix(raw, Param+"=") || strings.Contains(raw, "&"+Param+"=")
}

// broken tells whether a link hides behind an ampersand that was escaped once
// too often: "&amp;viewpass=".
func broken(values url.Values) bool {
	for name := range values {
		if strings.HasSuffix(name, ";"+Param) {
			return true
		}
	}
	return false
}

// canonicalQuery is cutToken for a query that has no link yet.
func (g *ignored) canonicalQuery(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", errQuery
	}
	if values.Has(Param) || broken(values) {
		return "", errQueryParam
	}
	return g.encode(values), nil
}

func (g *ignored) encode(values url.Values) string {
	for name := range values {
		if g.has(name) {
			delete(values, name)
		}
	}
	return values.Encode()
}

// without returns the raw query without the parameter called name and the
// ignored ones, all else as it stands.
func (g *ignored) without(raw, name string) string {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, _, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if pair != "" && (err != nil || key != name && !g.has(key)) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// printable returns the raw query with every byte escaped that an address
// cannot hold as it is.
func printable(raw string) (string, error) {
	var b strings.Builder
	for i := range len(raw) {
		c := raw[i]
		switch {
		case c < 0x20 || c == 0x7f:
			return "", errControl
		case plain[c] || c == '%' || c == '/' || c == '?':
			b.WriteByte(c)
		default:
			writeEscaped(&b, raw[i:i+1])
		}
	}
	return strings.Trim(b.String(), "&"), nil
}
