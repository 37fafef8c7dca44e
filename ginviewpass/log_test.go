package ginviewpass_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

func TestLogFormatterKeepsSecretsOut(t *testing.T) {
	t.Parallel()
	const link = "VAQBpAAAAAAAJ40AB3JlcG9ydGluZw:AAAAAAAAAAAAAAAAAAAAAA"
	const token = "7KQM-X2RD-PW9T-4HCB-NE6V-GZ3F"
	for name, path := range map[string]string{
		"a link":                    "/report/?viewpass=" + link,
		"a link inside next":        "/perimeter/gateway?next=%2Freport%2F%3Fviewpass%3D" + strings.Replace(link, ":", "%3A", 1),
		"a token in the query":      "/?x=" + token,
		"a token without hyphens":   "/?x=" + strings.ToLower(strings.ReplaceAll(token, "-", "")),
		"a token in the path":       "/enter/" + token,
		"a custom token as a field": "/perimeter/gateway?token=correct+horse+battery",
		"the same inside next":      "/perimeter/gateway?next=%2F%3Ftoken%3Dcorrect",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := ginviewpass.LogFormatter(gin.LogFormatterParams{
				TimeStamp: time.Unix(0, 0), StatusCode: 200, Method: "GET", Path: path, ClientIP: "192.0.2.1",
			})
			for _, secret := range []string{"AAAAAAAAAAAAAAAAAAAAAA", "7KQM", "7kqm", "correct"} {
				if strings.Contains(line, secret) {
					t.Errorf("%q is in %s", secret, line)
				}
			}
		})
	}
}

func TestLogFormatterWritesOneLine(t *testing.T) {
	t.Parallel()
	line := ginviewpass.LogFormatter(gin.LogFormatterParams{
		Method: "GET\x1b[2J", Path: "/a\nb\x1b[31m", ErrorMessage: "first\nsecond",
	})
	if strings.Count(line, "\n") != 1 || strings.Contains(line, "\x1b") {
		t.Errorf("not one plain line: %q", line)
	}
	if got := ginviewpass.LogFormatter(gin.LogFormatterParams{
		TimeStamp: time.Unix(0, 0), StatusCode: 404, Latency: 1500 * time.Nanosecond, ClientIP: "192.0.2.1", Method: "GET", Path: "/a?b=c",
	}); got != "1970-01-01T00:00:00Z 404 2µs 192.0.2.1 \"GET\" \"/a?b=c\"\n" {
		t.Errorf("an ordinary request: %q", got)
	}
	long := "/report/?viewpass=secret&" + strings.Repeat("viewpass=&", 100_000)
	if got := ginviewpass.LogFormatter(gin.LogFormatterParams{Path: long}); len(got) > 20<<10 || !strings.Contains(got, "…\"") || strings.Contains(got, "secret") {
		t.Errorf("an address of %d bytes: a line of %d, %.100q", len(long), len(got), got)
	}
}

// TestLogFormatterKeepsTokensOut writes access tokens into addresses in the ways
// that people, browsers and attackers would.
func TestLogFormatterKeepsTokensOut(t *testing.T) {
	t.Parallel()
	const token = "7KQM-X2RD-PW9T-4HCB-NE6V-GZ3F"
	const link = "VAQBpAAAAAAAJ40AB3JlcG9ydGluZw:AAAAAAAAAAAAAAAAAAAAAA"
	addresses := []string{
		"/gateway?token=correct%20horse%20battery", "/gateway?token=caf%C3%A9-horse-1234", "/x?next=%2Fgateway%3Ftoken%3Dcorrect%20horse",
		"/x?q=" + token, "/x?q=" + strings.ToLower(token), "/x?q=" + strings.ReplaceAll(token, "-", ""),
		"/x?q=" + strings.ReplaceAll(token, "-", "+"), "/x?q=" + strings.ReplaceAll(token, "-", "%20"), "/x?q=" + strings.ReplaceAll(token, "-", "%2D"),
		"/x_" + token + "?y=1", "/x?y=%3D" + token, "/x?y=%3d" + strings.ReplaceAll(token, "-", ""),
		"/x?q=https%3A%2F%2Fexample.com%2Fgateway%23token%3D" + token, "/x?q=https%3A%2F%2Fexample.com%2Fgateway%23token%3Dcorrect%20horse",
	}
	for cut := range len(link) + 4 { // across the place where long addresses are cut
		addresses = append(addresses, "/?"+strings.Repeat("a", 8192-5-cut)+"&x="+token, "/?"+strings.Repeat("a", 8192-5-cut)+"&x="+link)
	}
	for _, address := range addresses {
		line := ginviewpass.LogFormatter(gin.LogFormatterParams{Method: "GET", Path: address})
		for _, secret := range []string{"7KQM", "7kqm", "GZ3", "gz3f", "horse", "VAQB", "AAAAAAA"} {
			if strings.Contains(line, secret) {
				t.Errorf("%.60s… is logged as %.60s…%s", address, line, line[max(0, len(line)-60):])
			}
		}
	}
	const plain = "/a/b_c-d?token_id=5&x=1%20of%202&y=some+longer+words+here+then+more"
	if line := ginviewpass.LogFormatter(gin.LogFormatterParams{Path: plain}); !strings.Contains(line, plain) {
		t.Errorf("%s is logged as %s", plain, line)
	}
}
