package ginviewpass

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// generatedToken finds an access token of package ginperimeter, should
// somebody have put one into an address.
var generatedToken = regexp.MustCompile(`(?i)(^|[^0-9A-Z]|%[0-9A-F]{2})[2-9A-HJKMNP-Z]{4}(?:(?:[-+ ]|%20|%2D)?[2-9A-HJKMNP-Z]{4}){5}(\b|_)`)

// tokenParam finds a parameter called token, whatever it holds: only "&" and
// "#" end it, escaped or not.
var tokenParam = regexp.MustCompile(`(?i)([?&#]|%3f|%26|%23)(token(?:=|%3d))(?:[^&#%]|%[013-9A-F][0-9A-F]|%2[0-24579A-F])+`)

// maxLogged bounds what is logged of an address, in bytes.
const maxLogged = 8 << 10

// LogFormatter is a gin.LogFormatter that keeps links and access tokens out of
// the log, where gin.Logger's own writes every query as it came:
//
//	r.Use(gin.LoggerWithFormatter(ginviewpass.LogFormatter))
//
// A line has the time, status, duration, client address, method and address;
// the address is quoted, so that no request can begin a line or move the
// terminal's cursor, and cut off after 8 KiB.
func LogFormatter(p gin.LogFormatterParams) string {
	path := p.Path
	if len(path) > maxLogged {
		// what is cut in the middle could be most of a secret
		path = strings.TrimRightFunc(path[:maxLogged], func(r rune) bool { return !strings.ContainsRune("/?&#", r) }) + "…"
	}
	address := generatedToken.ReplaceAllString(Redact(path), "${1}"+redacted+"${2}")
	address = tokenParam.ReplaceAllString(address, "${1}${2}"+redacted)
	return fmt.Sprintf("%s %d %v %s %q %q%s\n", p.TimeStamp.UTC().Format(time.RFC3339), p.StatusCode,
		p.Latency.Round(time.Microsecond), p.ClientIP, p.Method, address, errorsOf(p))
}

// errorsOf are the errors that handlers left in the context, in one piece.
func errorsOf(p gin.LogFormatterParams) string {
	text := strings.TrimSpace(p.ErrorMessage)
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" %q", Redact(text))
}
