package ginviewpass_test

import (
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

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
