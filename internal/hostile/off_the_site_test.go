package hostile

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// nexts reads testdata/next.txt, which a test with a real browser shares.
func nexts(t testing.TB) []string {
	t.Helper()
	file, err := os.Open("testdata/next.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		var value string
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, value)
	}
	if len(all) < 300 {
		t.Fatalf("only %d values", len(all))
	}
	if testing.Short() {
		for i := range len(all) / 4 {
			all[i] = all[i*4+i%4]
		}
		all = all[:len(all)/4]
	}
	return all
}

// host resolves a location as browsers do (URL Living Standard, basic URL
// parser, for a base that is http) and gives the host that it leads to; "this"
// for the site's own, and the scheme and a colon for other schemes.
func host(location string) string {
	location = strings.TrimFunc(location, func(r rune) bool { return r <= ' ' })
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(location)
	if scheme, rest, ok := strings.Cut(location, ":"); ok && isScheme(scheme) {
		switch strings.ToLower(scheme) {
		case "http":
			if !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, `\`) {
				return "this" // the base's own scheme without slashes is relative
			}
			if authority := strings.TrimLeft(rest, `/\`); len(rest)-len(authority) > 1 {
				return authorityHost(authority)
			}
			return "this"
		case "https", "ws", "wss", "ftp":
			return authorityHost(strings.TrimLeft(rest, `/\`))
		}
		return strings.ToLower(scheme) + ":"
	}
	if len(location) > 1 && strings.Contains(`/\`, location[:1]) && strings.Contains(`/\`, location[1:2]) {
		return authorityHost(strings.TrimLeft(location, `/\`))
	}
	return "this"
}

func isScheme(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return false
		}
	}
	return s != ""
}

func authorityHost(s string) string {
	if end := strings.IndexAny(s, `/\?#`); end >= 0 {
		s = s[:end]
	}
	return "host " + s[strings.LastIndexByte(s, '@')+1:]
}

// cleanings are what servers, routers and proxies on the way make of a
// location, each of which must stay on the site, too.
func cleanings(location string) []string {
	pathPart, _, _ := strings.Cut(location, "?")
	pathPart, _, _ = strings.Cut(pathPart, "#")
	all := []string{location}
	if resolved, err := url.Parse("http://site.example" + pathPart); err == nil {
		all = append(all, resolved.ResolveReference(&url.URL{}).EscapedPath(), resolved.JoinPath().EscapedPath())
	}
	all = append(all, dropDots(pathPart))
	if decoded, err := url.PathUnescape(pathPart); err == nil {
		all = append(all, decoded, dropDots(decoded), path.Clean(decoded))
	}
	return all
}

// dropDots resolves dot segments and leaves empty ones, as browsers do.
func dropDots(p string) string {
	var kept []string
	for segment := range strings.SplitSeq(strings.TrimPrefix(p, "/"), "/") {
		switch strings.ToLower(strings.ReplaceAll(segment, "%2e", ".")) {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

func TestTheResolverKnowsWhatLeavesTheSite(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"/x": "this", "x": "this", "?x": "this", "/x//y": "this", "/x?//y": "this", "http:x": "this", "http:/x": "this", `/x\y`: "this", "": "this", "/@evil.example": "this",
		"//e.example": "host e.example", `/\e.example/x`: "host e.example", `\\e.example`: "host e.example", "/\t/e.example": "host e.example", " //e.example": "host e.example", "///e.example": "host e.example",
		"https:e.example": "host e.example", "http:\\\\e.example": "host e.example", "//site.example@e.example": "host e.example", "java\nscript:x": "javascript:", "data:,x": "data:",
	} {
		if got := host(location); got != want {
			t.Errorf("%q: %q, want %q", location, got, want)
		}
	}
}

// doorway is a gateway whose visitor is inside already, so that each form sent
// is answered with a redirect and uses nothing up.
type doorway struct {
	*target
	prefix string
	cookie string
	form   string
}

func newDoorway(t *testing.T, baseURL string) *doorway {
	t.Helper()
	db := dbtest.Open(t)
	token, _ := newToken(t, db, models.NewAccessToken{Label: "next"})
	s := &target{name: "gateway", token: token}
	r := gin.New()
	if err := r.SetTrustedProxies(nil); err != nil {
		t.Fatal(err)
	}
	r.Use(sessions.Sessions("site", cookieStore()), newGate(t, ginperimeter.Config{DB: db, BaseURL: baseURL}).Middleware())
	serve(t, s, r)
	d := &doorway{target: s, form: url.Values{"token": {token}, "name": {"A"}, "email": {"a@b.example"}}.Encode()}
	if u, err := url.Parse(baseURL); err == nil {
		d.prefix = u.Path
	}
	first := d.post(t, "%2F")
	if first.StatusCode != http.StatusSeeOther {
		t.Fatal(first.Status)
	}
	d.cookie = first.Cookies()[0].String()
	d.cookie, _, _ = strings.Cut(d.cookie, ";")
	return d
}

func (d *doorway) post(t *testing.T, next string) *http.Response {
	t.Helper()
	return response(t, d.raw(t, ask("POST", "/perimeter/gateway?next="+next, "Cookie: "+d.cookie,
		"Content-Type: application/x-www-form-urlencoded", "Content-Length: "+itoa(len(d.form)))+d.form))
}

func (d *doorway) get(t *testing.T, next string) *http.Response {
	t.Helper()
	return response(t, d.raw(t, ask("GET", "/perimeter/gateway?next="+next, "Cookie: "+d.cookie, "Accept: text/html")))
}

// spellings are the ways to put a value into a query: escaped, escaped twice,
// and raw where the protocol can carry that.
func spellings(value string) []string {
	all := []string{url.QueryEscape(value), url.QueryEscape(url.QueryEscape(value)), strings.ReplaceAll(url.QueryEscape(value), "%2F", "/")}
	if !strings.ContainsAny(value, "\r\n \t\x00\x0b\x0c\x1f\x7f") {
		all = append(all, value)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestNextNeverLeadsOffTheSite(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "https://site.example/preview"} {
		t.Run("BaseURL "+base, func(t *testing.T) {
			t.Parallel()
			d := newDoorway(t, base)
			for _, value := range nexts(t) {
				for _, next := range spellings(value) {
					d.checkPost(t, next)
				}
				d.checkPage(t, url.QueryEscape(value))
			}
		})
	}
}

func (d *doorway) checkPost(t *testing.T, next string) {
	t.Helper()
	answer := d.post(t, next)
	if answer.StatusCode == http.StatusBadRequest { // net/http refused it before the gate
		return
	}
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("next=%.200s: %s", next, answer.Status)
	}
	locations := answer.Header.Values("Location")
	if len(locations) != 1 {
		t.Fatalf("next=%.200s: locations %q", next, locations)
	}
	staysHere(t, next, locations[0])
	if set := answer.Header.Values("Set-Cookie"); len(set) > 0 {
		t.Errorf("next=%.200s sets cookies: %q", next, set)
	}
}

// checkPage looks at every address in the page that is shown to a visitor who
// is inside.
func (d *doorway) checkPage(t *testing.T, next string) {
	t.Helper()
	answer := d.get(t, next)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET next=%.200s: %s", next, answer.Status)
	}
	root, err := html.Parse(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for node := range root.Descendants() {
		for _, attribute := range node.Attr {
			switch attribute.Key {
			case "href", "src", "action", "formaction":
				found++
				if !strings.HasPrefix(attribute.Val, "#") {
					staysHere(t, next, attribute.Val)
				}
			default:
				if strings.HasPrefix(attribute.Key, "on") {
					t.Errorf("GET next=%.200s: the page has %s=%q", next, attribute.Key, attribute.Val)
				}
			}
		}
	}
	if found < 3 {
		t.Errorf("GET next=%.200s: only %d addresses on the page", next, found)
	}
}

func staysHere(t *testing.T, next, location string) {
	t.Helper()
	if strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		t.Errorf("next=%.200s: raw bytes in the location %.200q", next, location)
	}
	if !strings.HasPrefix(location, "/") {
		t.Errorf("next=%.200s: location %.200q is no path", next, location)
	}
	for _, cleaned := range cleanings(location) {
		if to := host(cleaned); to != "this" {
			t.Errorf("next=%.200s: location %.200q, cleaned to %.200q, leads to %s", next, location, cleaned, to)
		}
	}
}

func TestAGateThatIsOffRedirectsOnTheSiteOnly(t *testing.T) {
	t.Parallel()
	s := &target{name: "off"}
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore()), newGate(t, ginperimeter.Config{DB: dbtest.Open(t), InsecureDisabled: true}).Middleware())
	serve(t, s, r)
	for _, value := range nexts(t) {
		answer := response(t, s.raw(t, ask("GET", "/perimeter/gateway?next="+url.QueryEscape(value))))
		if answer.StatusCode != http.StatusFound {
			t.Fatalf("next=%.200s: %s", value, answer.Status)
		}
		staysHere(t, value, answer.Header.Get("Location"))
	}
}

// A stranger's own address becomes next: whatever he asks for, the way to the
// gateway and back stays here.
func TestTheWayToTheGatewayAndBackStaysHere(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, "")
	for _, uri := range targets() {
		answer := response(t, d.raw(t, ask("GET", uri, "Accept: text/html")))
		if answer.StatusCode != http.StatusFound {
			continue
		}
		location := answer.Header.Get("Location")
		staysHere(t, uri, location)
		to, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		d.checkPost(t, url.QueryEscape(to.Query().Get("next")))
	}
	for _, referer := range nexts(t) {
		if strings.ContainsAny(referer, "\r\n\x00\x0b\x0c\x1f\x7f\x01") {
			continue
		}
		for _, line := range []string{referer, "http://site.example" + referer, "http://site.example/" + referer} {
			answer := response(t, d.raw(t, ask("POST", "/x", "Accept: text/html", "Referer: "+line)))
			if answer.StatusCode != http.StatusUnauthorized {
				continue
			}
			for _, address := range addresses(t, answer) {
				staysHere(t, "Referer "+line, address)
			}
		}
	}
}

func TestGoodAddressesAreKeptByteForByte(t *testing.T) {
	t.Parallel()
	d := newDoorway(t, "")
	for _, next := range []string{
		"/", "/a/b", "/a/b/", "/a?x=1&y=%2F%2F", "/?u=https://evil.example/", "/a?q=a%20b+c", "/%E4%BD%A0", "/a;b=c/d", "/a?b=//c", "/a#b", "/a%20b", "/a,b:c@d!$&'()*+=~", "/a?q=\\x", "/a?<>\"'`{}|",
	} {
		if got := d.post(t, url.QueryEscape(next)).Header.Get("Location"); got != next {
			t.Errorf("next %q became %q", next, got)
		}
	}
	if got := d.post(t, url.QueryEscape("/ü?ß=x y")).Header.Get("Location"); got != "/%C3%BC?%C3%9F=x%20y" {
		t.Errorf("non-ASCII became %q", got)
	}
}
