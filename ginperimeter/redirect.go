package ginperimeter

import (
	"net/http"
	"net/url"
	"strings"
)

// nextParam is the query parameter that keeps where the visitor wanted to go.
const nextParam = "next"

// maxNext bounds what is kept of a visitor's address, in bytes.
const maxNext = 8 << 10

// maxQuery bounds the query that is searched for it, in bytes: three for each
// of maxNext when escaped, and as much of other parameters.
const maxQuery = 6 * maxNext

// target is the page that r asks for as visitors see it, path and query.
func (g *Gate) target(r *http.Request) string {
	target := g.prefix + pathAsSent(r.URL)
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		target += "?" + r.URL.RawQuery
	}
	return target
}

// pathAsSent is the path as the client wrote it, unless a middleware has changed
// it. EscapedPath alone would write it anew where one character is not escaped
// as Go does it, and "%2F" would become a slash.
func pathAsSent(u *url.URL) string {
	if path, err := url.PathUnescape(u.RawPath); err == nil && path == u.Path && u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// gatewayURL is the gateway's address that keeps where to go on to.
func (g *Gate) gatewayURL(next string) string {
	return g.prefix + g.cfg.GatewayPath + "?" + nextParam + "=" + url.QueryEscape(next)
}

// next is where the request's next parameter leads, if that is safe, else the
// site's first page. The parameter is a stranger's.
func (g *Gate) next(r *http.Request) string {
	if len(r.URL.RawQuery) > maxQuery {
		return g.prefix + "/"
	}
	values, _ := url.ParseQuery(r.URL.RawQuery) // what could be read counts
	next := values.Get(nextParam)
	if !isLocal(next) || g.isOwn(next) {
		return g.prefix + "/"
	}
	return escapeNonASCII(next)
}

// isLocal tells whether a browser that is sent to target stays on this site,
// however the bytes are cleaned on the way: one slash at the front, then no
// empty or dot segment before anything else could become a host, no backslash
// in the path, no control byte anywhere.
func isLocal(target string) bool {
	if len(target) > maxNext || !strings.HasPrefix(target, "/") {
		return false
	}
	if hasControl(target) {
		return false
	}
	path, _, _ := strings.Cut(target, "#")
	path, _, _ = strings.Cut(path, "?")
	if strings.Contains(path, `\`) || strings.HasPrefix(path, "//") {
		return false
	}
	if u, err := url.Parse(path); err != nil || u.Host != "" || u.Scheme != "" {
		return false
	}
	return !foldsToHost(path)
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// foldsToHost tells whether dropping dot segments from the front of a path, as
// servers and proxies do, leaves two slashes that a browser takes for the
// beginning of a host: "/.//evil.example".
func foldsToHost(path string) bool {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return true
	}
	if hasControl(decoded) { // browsers drop tabs and line breaks: "/\t/evil.example"
		decoded = strings.Map(func(r rune) rune {
			if r < 0x20 || r == 0x7f {
				return -1
			}
			return r
		}, decoded)
	}
	decoded = strings.ReplaceAll(decoded, `\`, "/") // an escaped one, which some servers decode
	segments := strings.Split(decoded, "/")[1:]
	for i, s := range segments {
		switch s {
		case ".", "..":
		case "":
			return i+1 < len(segments)
		default:
			// further in, ".." can still bring an empty segment to the front
			return strings.Contains(decoded, "//") && strings.Contains(decoded, "/..")
		}
	}
	return false
}

// isOwn tells whether target is the gateway or leave, where nobody wants to
// arrive after entering.
func (g *Gate) isOwn(target string) bool {
	path, _, _ := strings.Cut(target, "#")
	path, _, _ = strings.Cut(path, "?")
	return path == g.prefix+g.cfg.GatewayPath || path == g.prefix+g.leavePath
}

// escapeNonASCII percent-encodes the bytes that an address in a header cannot
// have raw, spaces and those beyond ASCII, and leaves all others as they are.
func escapeNonASCII(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c == ' ' {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
