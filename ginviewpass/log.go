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
var generatedToken = regexp.MustCompile(`(?i)\b[2-9A-HJKMNP-Z]{4}(?:-?[2-9A-HJKMNP-Z]{4}){5}\b`)

// tokenParam finds a parameter called token, whatever it holds.
var tokenParam = regexp.MustCompile(`(?i)([?&]|%3f|%26)(token(?:=|%3d))[^&#%]+`)

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
		path = path[:maxLogged] + "…"
	}
	address := generatedToken.ReplaceAllString(Redact(path), redacted)
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
