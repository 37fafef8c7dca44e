package ginperimeter

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// bypassPaths are the paths that are open to everybody.
type bypassPaths struct {
	exact    map[string]bool
	prefixes []string
}

func newBypassPaths(paths []string) bypassPaths {
	b := bypassPaths{exact: make(map[string]bool)}
	for _, p := range paths {
		if strings.HasSuffix(p, "/") {
			b.prefixes = append(b.prefixes, p)
		} else {
			b.exact[p] = true
		}
	}
	return b
}

// match tells whether r's path is bypassed. Routers, file servers and proxies
// differ in how they clean a path, so that one which any of them might read in
// another way is never bypassed.
func (b bypassPaths) match(r *http.Request) bool {
	if len(b.exact) == 0 && len(b.prefixes) == 0 {
		return false
	}
	// routers with UseRawPath or UseEscapedPath see the path as it was escaped:
	// it must name the same, or "/health%7a" would open the route "/:page"
	if p, raw := r.URL.Path, r.URL.RawPath; !b.named(p) || (raw != "" && !b.named(raw)) || !isCleanPath(p) {
		return false
	}
	return !hasEncodedSeparator(r.URL.RawPath) && r.URL.Opaque == ""
}

func (b bypassPaths) named(p string) bool {
	if b.exact[p] {
		return true
	}
	for _, prefix := range b.prefixes {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	return false
}

// isCleanPath tells whether a decoded path means the same to everybody: it
// begins with a slash and has no dot or empty segment, backslash, percent sign
// (left by double encoding), control byte, or character that some servers fold
// to a dot or slash.
func isCleanPath(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.Contains(p, "//") || !utf8.ValidString(p) || strings.ContainsAny(p, folded) {
		return false
	}
	for i := range len(p) {
		if c := p[i]; c < 0x20 || c == 0x7f || c == '\\' || c == '%' {
			return false
		}
	}
	for segment := range strings.SplitSeq(p, "/") {
		// a semicolon begins parameters for some servers: "..;" is ".." to them;
		// others drop dots and spaces at the end
		name, _, parameters := strings.Cut(segment, ";")
		if strings.Trim(name, ". ") == "" && (name != "" || parameters) {
			return false
		}
	}
	return true
}

// folded are characters that best-fit and compatibility mappings turn into a
// dot, slash or backslash (Unicode, compatibility decompositions; invalid
// UTF-8, refused beside them, has the overlong ones).
const folded = "\u2024\u2025\u2026\u2044\u2215\u2216\ufe52\ufe68\uff0e\uff0f\uff3c"

// hasEncodedSeparator tells whether an escaped path hides a slash, backslash
// or dot behind a percent sign.
func hasEncodedSeparator(rawPath string) bool {
	for i := 0; i+2 < len(rawPath); i++ {
		if rawPath[i] != '%' {
			continue
		}
		switch strings.ToLower(rawPath[i+1 : i+3]) {
		case "2f", "5c", "2e":
			return true
		}
	}
	return false
}

// bypassed tells whether a request is none of the gate's business.
func (g *Gate) bypassed(c *gin.Context) bool {
	return g.bypass.match(c.Request) || (g.cfg.Bypass != nil && g.cfg.Bypass(c))
}
