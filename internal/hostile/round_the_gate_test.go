package hostile

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// targets are request targets that try to look like an open path to one reader
// and like a closed one to another.
func targets() []string {
	ups := []string{"..", "%2e%2e", ".%2e", "%2E.", "..;", "..;a=b", "%252e%252e", "..%00", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae",
		"%ef%bc%8e%ef%bc%8e", "...", "..%20", "..%09", "..%0d%0a", "%20..", "..%3b"}
	separators := []string{"/", "//", "%2f", "%2F", `\`, "%5c", "%252f", "%255c", "%c0%af", "%ef%bc%8f", ";/", "/;/", "/./", "/%2e/"}
	var all []string
	for _, prefix := range []string{"/static", "/static/x", "/healthz", "/Static"} {
		for _, up := range ups {
			for _, separator := range separators {
				steps := strings.Repeat(separator+up, strings.Count(prefix, "/"))
				all = append(all, prefix+steps+separator+"secret")
			}
		}
	}
	if testing.Short() { // a share of the combinations, and all that is odd
		for i := range len(all) / 8 {
			all[i] = all[i*8+i%8]
		}
		all = all[:len(all)/8]
	}
	return append(all, oddTargets...)
}

var oddTargets = []string{
	"/", "/secret", "/secret/", "//secret", "///secret", "/./secret", "/.//secret", "/secret/.", "/secret/..", "/x/../secret", "/secret%2f",
	"/secret%00", "/secret%00/static/", "/secret%0a", "/secret%0d%0a/healthz", "/secret%20", "/secret;/static/", "/secret;x", "/secret%3b/static/",
	"/;/secret", "/.;/secret", "/%2e/secret", "/%2e%2e/secret", "/SECRET", "/Secret", "/sec%72et", "/%73ecret", "/%2573ecret", "/secret.txt",
	"/secret?/healthz", "/secret?/static/", "/secret?next=/static/x", "/secret?x=/healthz", "/secret??", "/secret?", "/secret?#/static/",
	"/secret#/healthz", "/secret%23/healthz", "/secret%3f/static/", "/secret%3F", "/secret/static/", "/secret/healthz", "/x/static/y", "/x/healthz",
	"/static", "/static%2f", "/static%2fsecret", "/static%5csecret", "/static;/x", "/static;x", "/static.", "/static%20", "/static%00/", "/Static/x", "/STATIC/x",
	"/st%61tic/secret", "/%73tatic/secret", "/%73%74%61%74%69%63/secret", "/stati%63/secret", "/static%2e/x", "/statiс/x", "/stat%C4%B1c/x", "/ﬆatic/x",
	"/static\\secret", `/static\..\secret`, `\static\..\secret`, `/static/..\secret`, `/static/\..\secret`, "/static/%2e%2e%5csecret", "/static//secret", "/static///..//secret",
	"/static/.", "/static/..", "/static/../", "/static/%2e", "/static/./../secret", "/static/%", "/static/%zz", "/static/%2", "/static/%u002e%u002e/secret",
	"/static/%%32%65%%32%65/secret", "/static/..%c0%af..%c0%afsecret", "/static/%uff0e%uff0e/secret", "/static/..%25%32%66secret", "/static/..%ef%bc%8fsecret",
	"/healthz/", "/healthz//", "//healthz", "/./healthz", "/healthz/.", "/healthz/..", "/healthz/../secret", "/healthz%2f", "/healthz%2f..%2fsecret", "/healthz;", "/healthz;x", "/healthz.",
	"/healthz%20", "/healthz%00", "/healthz%0a", "/healthz%23", "/healthz%3f", "/healthz%3fx", "/Healthz", "/HEALTHZ", "/health%7a", "/health%7A", "/%68ealthz", "/health%257a",
	"/healthz/secret", "/healthz/%2e%2e/secret", "/healthz\\", "/healthz%5c..%5csecret", "/healthz%c0%80", "/healthz\u200b", "/healthz%e2%80%8b",
	"/perimeter/gateway/", "/perimeter/gateway/../../secret", "/perimeter/gateway%2f..%2f..%2fsecret", "/perimeter/gateway;/secret", "/perimeter/./gateway/x", "//perimeter/gateway", "/perimeter//gateway",
	"/perimeter/leave/../../secret", "/perimeter/gateway%00", "/PERIMETER/GATEWAY", "/perimeter/gateway/secret", "/perimeter", "/perimeter/", "/perimeter/leave/x",
	"http://site.example/secret", "http://site.example//secret", "http://other.example/secret", "http://site.example/static/../secret", "http://site.example/healthz/../secret",
	"http://site.example@evil.example/secret", "http:/secret", "http:secret", "http:///secret", "http://site.example", "https://site.example/secret", "ftp://site.example/secret", "file:///secret", "/http://site.example/healthz",
	"healthz:/secret", "site.example:80", "secret", "*", "", "/" + strings.Repeat("a/", 2000) + "../secret", "/static/" + strings.Repeat("../", 500) + "secret",
	"/static/" + strings.Repeat("x", 9000) + "/../../secret", "/" + strings.Repeat("a", 70000), "/secret?" + strings.Repeat("a=b&", 9000), "/%" + strings.Repeat("25", 400) + "2e/secret",
	"/robots.txt", "/favicon.ico", "/.well-known/../secret", "/secret/x/deep", "/secret/x/deep/", "/secret/x/deep//", "/x/y", "/x/y/z", "/traced", "/connected", "/dav", "/index.html", "/secret\x80", "/\xff\xfe",
	"/static/\xc0\xae\xc0\xae/secret", "/static/\xe0\x80\xae\xe0\x80\xae/secret", "/static/．．/secret", "/static/..／secret", "/static/..＼secret", "/static/%2e%2e%ef%bc%bcsecret",
}

// headerLines try to make somebody on the way believe in another address,
// method, protocol or sender.
var headerLines = []string{
	"X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Original-Uri: /static/x", "X-Forwarded-Uri: /healthz", "X-Forwarded-Uri: /static/x", "X-Forwarded-Url: /healthz",
	"X-Forwarded-Path: /static/x", "X-Forwarded-Prefix: /static", "X-Forwarded-Prefix: /static/", "X-Forwarded-Host: localhost", "X-Forwarded-Proto: https", "X-Forwarded-Method: OPTIONS", "X-Forwarded-Server: localhost",
	"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: ::1", "X-Real-Ip: 127.0.0.1", "X-Client-Ip: 127.0.0.1", "True-Client-Ip: 127.0.0.1", "Cf-Connecting-Ip: 127.0.0.1", "X-Appengine-Remote-Addr: 127.0.0.1",
	"X-Originating-Ip: 127.0.0.1", "X-Remote-Ip: 127.0.0.1", "X-Remote-Addr: 127.0.0.1", "X-Cluster-Client-Ip: 127.0.0.1", "X-Host: localhost", "X-Custom-Ip-Authorization: 127.0.0.1", "Client-Ip: 127.0.0.1",
	"Forwarded: for=127.0.0.1;host=localhost;proto=https", "Forwarded: path=/healthz", "X-Http-Method-Override: OPTIONS", "X-Http-Method: OPTIONS", "X-Method-Override: OPTIONS", "X-HTTP-Method-Override: HEAD",
	"User-Agent: kube-probe/1.30", "User-Agent: GoogleHC/1.0", "User-Agent: ELB-HealthChecker/2.0", "User-Agent: /healthz", "User-Agent: Googlebot/2.1", "User-Agent: ",
	"Referer: http://site.example/healthz", "Referer: http://site.example/static/", "Origin: http://site.example", "Origin: null", "Authorization: Basic YWRtaW46YWRtaW4=", "Authorization: Bearer null", "Authorization: Bearer undefined",
	"X-Middleware-Subrequest: middleware", "X-Middleware-Subrequest: src/middleware:src/middleware:src/middleware", "X-Auth-Request-User: admin", "X-Forwarded-User: admin", "X-Forwarded-Email: a@b.example", "Remote-User: admin", "X_Forwarded_User: admin", "X-Tls-Client-Subject: CN=admin",
	"X-Perimeter-Token: x", "X-Perimeter-Token: null", "X-Perimeter-Token: true", "X-Perimeter-Token: *", "X-Perimeter-Token: ' OR 1=1 --", "X-Perimeter-Token: %", "X-Perimeter-Token: 22222222222222222222222Z", "X-Perimeter-Token:", "X-Perimeter-Token: \t ",
	"X-Perimeter-Token: 2222-2222-2222-2222-2222-2222", "x-perimeter-token: a\r\nX-PERIMETER-TOKEN: b", "X-Perimeter-Token: a\r\nX-Perimeter-Token: a", "X-Perimeter-Token: a, b", "X_Perimeter_Token: x", "X-Perimeter-Token : x", " X-Perimeter-Token: x", "X-Perimeter-Token: a\r\n b",
	"Cookie: site=", "Cookie: site=x", "Cookie: site", "Cookie: site=x; site=y", "Cookie: site =x", "Cookie: site=\"\"", "Cookie: perimeter=1; perimeter_probe=1", "Cookie: perimeter.site=AAAAAAAAAAAAAAAAAAAAAA", "Cookie: ; ; =; site==", "Cookie: site=\x00", "Cookie: site=" + strings.Repeat("A", 5000),
	"Cookie: " + strings.Repeat("a=b; ", 4000), "Cookie: site=a\r\nCookie: site=b", "Connection: X-Perimeter-Token", "Connection: keep-alive, Upgrade", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13",
	"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Upgrade: TLS/1.0\r\nConnection: Upgrade", "Range: bytes=0-10", "Range: bytes=0-0,-1", "If-Range: \"x\"\r\nRange: bytes=0-", "If-None-Match: *", "If-None-Match: \"x\"", "If-Match: *", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
	"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-Unmodified-Since: Fri, 01 Jan 2100 00:00:00 GMT", "Expect: 100-continue", "Accept: text/html", "Accept: */*", "Accept: image/png", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: cors\r\nAccept: text/html", "Sec-Fetch-Dest: image", "X-Requested-With: XMLHttpRequest", "Hx-Request: true", "Purpose: prefetch",
	"Sec-Purpose: prefetch;prerender", "Cache-Control: no-cache", "Pragma: no-cache", "Cache-Control: only-if-cached", "Max-Forwards: 0", "Via: 1.1 localhost", "Host: localhost", "Host: site.example\r\nHost: localhost", "X-Folded: a\r\n\tb", "Content-Length: 0\r\nContent-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding: chunked\r\nContent-Length: 4", "TE: trailers", "Trailer: X-Perimeter-Token",
	"X-Debug: 1", "X-Bypass: 1", "X-Internal: true", "X-Perimeter-Enabled: false", "Perimeter_Enabled: 0", "Front-End-Https: on", "X-Arr-Ssl: 1", "X-Envoy-Original-Path: /healthz", "X-Istio-Attributes: /healthz", ":path: /healthz", ":authority: localhost", "X-Amzn-Trace-Id: " + strings.Repeat("x", 60000),
}

var methods = []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "MKCOL", "PURGE", "DEBUG", "TRACK", "SEARCH", "get", "Get", "GETT", "JEFF", "G", "GET\t", "PRI", "SSTP_DUPLEX_POST", "M-SEARCH", strings.Repeat("A", 3000)}

// eachTarget runs a test on every kind of site in both forms.
func eachTarget(t *testing.T, run func(t *testing.T, s *target)) {
	for _, k := range kinds {
		for _, f := range []form{byUse, byProtect} {
			t.Run(k.name+" by "+string(f), func(t *testing.T) {
				t.Parallel()
				run(t, newTarget(t, k, f, nil))
			})
		}
	}
}

func TestControlsThatAPassAndAnOpenPathGetThrough(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, s *target) {
		answer := s.raw(t, ask("GET", "/secret", "X-Perimeter-Token: "+s.token))
		if strings.Count(answer, canary) != 2 || s.ran.Load() != 1 {
			t.Errorf("with a token: %d handlers ran, %.500q", s.ran.Load(), answer)
		}
		for _, open := range []string{"/healthz", "/static/a.txt", "/healthz?x=/secret"} {
			if answer := s.attack(t, open, ask("GET", open)); !strings.Contains(answer, public) {
				t.Errorf("%s: %.300q", open, answer)
			}
		}
	})
}

func TestNoRequestTargetLeadsRoundTheGate(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, s *target) {
		for _, uri := range targets() {
			s.attack(t, "GET "+uri, ask("GET", uri))
		}
	})
}

// A router that reads the path in another way than the bypass does must not
// find a closed route behind an open path.
func TestNoEngineSettingLeadsRoundTheGate(t *testing.T) {
	t.Parallel()
	settings := map[string]func(*gin.Engine){
		"RemoveExtraSlash":       func(r *gin.Engine) { r.RemoveExtraSlash = true },
		"UseRawPath":             func(r *gin.Engine) { r.UseRawPath = true },
		"UseRawPath, escaped":    func(r *gin.Engine) { r.UseRawPath, r.UnescapePathValues = true, false },
		"UseEscapedPath":         func(r *gin.Engine) { r.UseEscapedPath = true },
		"RedirectFixedPath":      func(r *gin.Engine) { r.RedirectFixedPath = true },
		"no redirects":           func(r *gin.Engine) { r.RedirectTrailingSlash = false },
		"HandleMethodNotAllowed": func(r *gin.Engine) { r.HandleMethodNotAllowed = true },
		"all of them": func(r *gin.Engine) {
			r.RemoveExtraSlash, r.UseRawPath, r.RedirectFixedPath, r.HandleMethodNotAllowed = true, true, true, true
		},
	}
	for name, set := range settings {
		for _, f := range []form{byUse, byProtect} {
			t.Run(name+" by "+string(f), func(t *testing.T) {
				t.Parallel()
				s := newTarget(t, kinds[0], f, set)
				for _, uri := range targets() {
					s.attack(t, "GET "+uri, ask("GET", uri))
				}
			})
		}
	}
}

func TestNoHeaderLeadsRoundTheGate(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, s *target) {
		for _, line := range headerLines {
			for _, method := range []string{"GET", "POST"} {
				s.attack(t, method+" with "+line, ask(method, "/secret", line))
			}
			s.attack(t, "twice "+line, ask("GET", "/secret", line, line))
		}
	})
}

func TestNoMethodLeadsRoundTheGate(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, s *target) {
		for _, method := range methods {
			for _, uri := range []string{"/secret", "/", "/traced", "/connected", "/dav", "/nothing/here/at/all", "http://site.example/secret", "site.example:80", "*", "/static/../secret", "/healthz/../secret"} {
				s.attack(t, method+" "+uri, ask(method, uri))
				s.attack(t, method+" "+uri+" with a body", ask(method, uri, "Content-Length: 5")+"token")
			}
		}
	})
}

func TestNoProtocolLeadsRoundTheGate(t *testing.T) {
	t.Parallel()
	open, closed := "GET /healthz HTTP/1.1\r\nHost: site.example\r\n\r\n", ask("GET", "/secret")
	requests := map[string]string{
		"HTTP/1.0":                            "GET /secret HTTP/1.0\r\n\r\n",
		"HTTP/1.0 with a host":                "GET /secret HTTP/1.0\r\nHost: site.example\r\n\r\n",
		"HTTP/1.0 that stays":                 "GET /secret HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/0.9":                            "GET /secret\r\n\r\n",
		"HTTP/1.2":                            "GET /secret HTTP/1.2\r\nHost: site.example\r\n\r\n",
		"HTTP/2.0 in a line":                  "GET /secret HTTP/2.0\r\nHost: site.example\r\n\r\n",
		"no host":                             "GET /secret HTTP/1.1\r\nConnection: close\r\n\r\n",
		"an empty host":                       "GET /secret HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
		"a host with a path":                  "GET /secret HTTP/1.1\r\nHost: site.example/healthz\r\nConnection: close\r\n\r\n",
		"bare line feeds":                     "GET /secret HTTP/1.1\nHost: site.example\nConnection: close\n\n",
		"pipelined behind an open path":       open + closed,
		"pipelined behind two":                open + open + closed,
		"pipelined behind a refused one":      "GET /x HTTP/1.1\r\nHost: site.example\r\n\r\n" + closed,
		"pipelined behind a form":             "POST /perimeter/gateway HTTP/1.1\r\nHost: site.example\r\nContent-Length: 3\r\n\r\na=b" + closed,
		"hidden in a body":                    "POST /healthz HTTP/1.1\r\nHost: site.example\r\nContent-Length: " + fmt.Sprint(len(closed)) + "\r\n\r\n" + closed,
		"hidden in chunks":                    "POST /healthz HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + closed,
		"two lengths":                         "POST /healthz HTTP/1.1\r\nHost: site.example\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + closed,
		"a chunk with an extension":           "POST /healthz HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chunked\r\n\r\n2;\n\r\nxx\r\n0\r\n\r\n" + closed,
		"a token as a trailer":                "POST /secret HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\nTrailer: X-Perimeter-Token\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Perimeter-Token: x\r\n\r\n",
		"a folded header":                     "GET /secret HTTP/1.1\r\nHost: site.example\r\nX-A: b\r\n /healthz\r\nConnection: close\r\n\r\n",
		"a space before the colon":            "GET /secret HTTP/1.1\r\nHost: site.example\r\nX-Original-URL : /healthz\r\nConnection: close\r\n\r\n",
		"a NUL in a header":                   "GET /secret HTTP/1.1\r\nHost: site.example\r\nX-A: \x00\r\nConnection: close\r\n\r\n",
		"the preface of HTTP/2":               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"spaces in the target":                "GET /secret /healthz HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n",
		"a tab in the line":                   "GET\t/secret\tHTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n",
		"empty lines first":                   "\r\n\r\n" + closed,
		"a byte order mark":                   "\xef\xbb\xbf" + closed,
		"TLS on a plain port":                 "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
		"a token in the query":                ask("GET", "/secret?token=x&X-Perimeter-Token=x&perimeter_token=x"),
		"a link that is none":                 ask("GET", "/secret?viewpass=AAAA:BBBB"),
		"a form for the gate at another page": ask("POST", "/secret", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 19") + "token=x&name=y&a=b&",
	}
	eachTarget(t, func(t *testing.T, s *target) {
		for name, request := range requests {
			s.attack(t, name, request)
		}
	})
}

func TestHTTP2WithoutTLSLeadsNotRoundTheGate(t *testing.T) {
	t.Parallel()
	for _, f := range []form{byUse, byProtect} {
		s := newTarget(t, kinds[0], f, func(r *gin.Engine) { r.UseH2C = true })
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: &http.Transport{Protocols: protocols}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for _, uri := range []string{"/secret", "/", "/static/../secret", "/healthz/../secret", "/static/%2e%2e/secret", "/st%61tic/secret", "/static/..%2fsecret"} {
			for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
				request, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+uri, nil)
				if err != nil {
					t.Fatal(err)
				}
				answer, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || answer.ProtoMajor != 2 {
					t.Fatalf("%s %s: %s, %v", method, uri, answer.Proto, err)
				}
				if strings.Contains(string(body), canary) || answer.Header.Get("X-Canary") != "" || s.ran.Load() != 0 {
					t.Errorf("%s: %s %s by HTTP/2: %d %q", f, method, uri, answer.StatusCode, body)
				}
			}
		}
		s.attack(t, "an upgrade to h2c", ask("GET", "/secret", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Connection: Upgrade, HTTP2-Settings"))
	}
}

// Holes that others had in gates of this kind, each by its name.
func TestHolesOfOtherGates(t *testing.T) {
	t.Parallel()
	holes := []struct{ name, request string }{
		{"oauth2-proxy CVE-2025-54576: the open pattern is matched on the query", ask("GET", "/secret?/static/")},
		{"oauth2-proxy CVE-2025-54576: the same with an exact path", ask("GET", "/secret?path=/healthz")},
		{"oauth2-proxy CVE-2026-41059: an escaped fragment widens the pattern", ask("GET", "/secret%23/static/x")},
		{"oauth2-proxy CVE-2026-41059: the same with a raw number sign", ask("GET", "/secret#/static/x")},
		{"oauth2-proxy CVE-2026-40575: X-Forwarded-Uri names an open path", ask("GET", "/secret", "X-Forwarded-Uri: /static/x")},
		{"oauth2-proxy issue 3506: the same from the loopback address", ask("GET", "/secret", "X-Forwarded-Uri: /healthz", "X-Forwarded-For: 127.0.0.1")},
		{"oauth2-proxy GHSA-5hvv-m4w4-gf6v: the user agent of a health check", ask("GET", "/secret", "User-Agent: kube-probe/1.30")},
		{"oauth2-proxy GHSA-5hvv-m4w4-gf6v: the same by another name", ask("GET", "/secret", "User-Agent: GoogleHC/1.0")},
		{"oauth2-proxy CVE-2025-64484: underscores in a header's name", ask("GET", "/secret", "X_Forwarded_Email: a@b.example", "X_Perimeter_Token: x")},
		{"oauth2-proxy trusted-ip: a forged address", ask("GET", "/secret", "X-Real-Ip: 127.0.0.1", "X-Forwarded-For: 127.0.0.1")},
		{"Next.js CVE-2025-29927: a header that says the check was done", ask("GET", "/secret", "X-Middleware-Subrequest: middleware:middleware:middleware:middleware:middleware")},
		{"Envoy CVE-2019-9901: dot segments behind an open prefix", ask("GET", "/static/../secret")},
		{"Envoy CVE-2021-32779: a fragment in the request line", ask("GET", "/secret#/healthz")},
		{"Envoy CVE-2021-29492: escaped slashes", ask("GET", "/static%2f..%2fsecret")},
		{"heimdall CVE-2026-42274: escaped dot segments", ask("GET", "/static/%2e%2e/secret")},
		{"heimdall CVE-2026-42274: the same with an escaped slash", ask("GET", "/static/%2e%2e%2fsecret")},
		{"Keycloak CVE-2026-15573: a path that routes like another", ask("GET", "/static/./..//secret/")},
		{"Better Auth CVE-2025-71399: double slashes", ask("GET", "//secret")},
		{"Shiro CVE-2020-1957: a semicolon after dots", ask("GET", "/static/..;/secret")},
		{"Shiro CVE-2020-11989: a slash escaped twice", ask("GET", "/static/%252f..%252fsecret")},
		{"Shiro CVE-2020-13933: an escaped semicolon", ask("GET", "/secret/%3bstatic/")},
		{"Shiro CVE-2020-17523: a space as a segment", ask("GET", "/secret/%20")},
		{"Spring CVE-2022-22978: a line break against a pattern", ask("GET", "/secret%0a/static/")},
		{"Spring CVE-2016-5007: a space at the end", ask("GET", "/healthz%20")},
		{"Tomcat CVE-2020-1938 and its kind: a path parameter", ask("GET", "/static;x/../secret")},
		{"Traefik CVE-2020-15129: X-Forwarded-Prefix", ask("GET", "/secret/", "X-Forwarded-Prefix: //evil.example")},
		{"Gin CVE-2020-28483: X-Forwarded-For of a stranger", ask("GET", "/secret", "X-Forwarded-For: 127.0.0.1")},
		{"Symfony CVE-2018-14773: X-Original-URL and X-Rewrite-URL", ask("GET", "/healthz/x", "X-Original-URL: /secret", "X-Rewrite-URL: /secret")},
		{"Rails and others: X-HTTP-Method-Override", ask("OPTIONS", "/secret", "X-HTTP-Method-Override: GET")},
		{"cross-origin preflights that skip the check", ask("OPTIONS", "/secret", "Origin: http://evil.example", "Access-Control-Request-Method: GET")},
		{"HEAD that runs the handler of GET", ask("HEAD", "/secret")},
	}
	eachTarget(t, func(t *testing.T, s *target) {
		for _, hole := range holes {
			s.attack(t, hole.name, hole.request)
		}
	})
}

// What a stranger is told must not say which addresses exist: Protect promises
// it for all answers, Use for those that Gin passes to middleware.
func TestAStrangerCannotTellWhichPagesExist(t *testing.T) {
	t.Parallel()
	s := newTarget(t, kinds[0], byProtect, func(r *gin.Engine) { r.HandleMethodNotAllowed, r.RedirectFixedPath = true, true })
	for _, method := range []string{"GET", "POST", "PUT", "OPTIONS"} {
		want := shape(s.attack(t, "missing", ask(method, "/no/such/page/anywhere")), "/no/such/page/anywhere")
		for _, uri := range []string{"/secret", "/secret/", "/SECRET", "/dav", "/secret/x/deep"} {
			if got := shape(s.attack(t, uri, ask(method, uri)), uri); got != want {
				t.Errorf("%s %s differs from a page that is missing:\n%s\n%s", method, uri, got, want)
			}
		}
	}
	use := newTarget(t, kinds[0], byUse, func(r *gin.Engine) { r.HandleMethodNotAllowed = true })
	if answer := use.attack(t, "a wrong method", ask("POST", "/")); strings.Contains(answer, "\r\nAllow:") {
		t.Errorf("a stranger is told the methods of a page: %s", answer)
	}
}

// shape is an answer without what differs each time.
func shape(answer, uri string) string {
	var kept []string
	for line := range strings.SplitSeq(strings.ReplaceAll(answer, uri, "URI"), "\r\n") {
		if !strings.HasPrefix(line, "Date:") && !strings.HasPrefix(line, "Content-Length:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func TestManyStrangersAtOnceLeadNotRoundTheGate(t *testing.T) {
	t.Parallel()
	s := newTarget(t, kinds[0], byUse, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // somebody with a token comes and goes meanwhile
		for ctx.Err() == nil {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				return
			}
			io.WriteString(conn, ask("GET", "/healthz", "X-Perimeter-Token: "+s.token))
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	errs := make(chan string, 16)
	for range cap(errs) {
		go func() {
			for range 40 {
				if answer := s.raw(t, ask("GET", "/secret", "Cookie: site=x")); strings.Contains(answer, canary) {
					errs <- answer
					return
				}
			}
			errs <- ""
		}()
	}
	for range cap(errs) {
		if answer := <-errs; answer != "" {
			t.Error(answer)
		}
	}
	if s.ran.Load() != 0 {
		t.Errorf("%d handlers ran", s.ran.Load())
	}
}
