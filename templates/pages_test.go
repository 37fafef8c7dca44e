package templates_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

var update = flag.Bool("update", false, "write the golden pages anew")

var recorded = []string{"your name", "your email address", "your IP address", "your browser", "the time"}

// state is a page in one of the states that a visitor can meet.
type state struct {
	name  string
	page  string
	data  any
	focus string // id of the element that has the focus, "" for none
}

func gateway(change func(*templates.Gateway)) templates.Gateway {
	g := templates.Gateway{Site: "Acme preview", Action: "/perimeter/gateway?next=%2Freport%2F%3Fa%3D1", Probe: true, Recorded: recorded}
	change(&g)
	return g
}

func states() []state {
	filled := func(g *templates.Gateway) {
		g.Token, g.Name, g.Email = "7KQM-X2RD-PW9T-4HCB-NE6V-GZ3F", "Ada Lovelace", "ada@example.com"
	}
	with := func(change func(*templates.Gateway)) templates.Gateway {
		return gateway(func(g *templates.Gateway) { filled(g); change(g) })
	}
	const page = "gateway.html"
	return []state{
		{"first visit", page, gateway(func(*templates.Gateway) {}), "token"},
		{"unknown token", page, with(func(g *templates.Gateway) { g.TokenError = "We don't know this token." }), "token"},
		{"no name", page, with(func(g *templates.Gateway) { g.Name, g.NameError = "", "Enter your name." }), "name"},
		{"wrong email", page, with(func(g *templates.Gateway) { g.EmailError = "Enter an address such as ada@example.com." }), "email"},
		{"all wrong", page, with(func(g *templates.Gateway) {
			g.TokenError, g.NameError, g.EmailError = "That looks mistyped: tokens have no 0 or 1.", "Enter your name.", "Enter your email address."
		}), "token"},
		{"too many attempts", page, with(func(g *templates.Gateway) { g.Problem = "Too many wrong tokens. Try again at 14:05." }), "problem"},
		{"problem and mistake", page, with(func(g *templates.Gateway) { g.Problem, g.NameError = "Try again at 14:05.", "Enter your name." }), "problem"},
		{"came by an expired link", page, gateway(func(g *templates.Gateway) { g.Notice = "The link you opened has expired." }), ""},
		{"inside already", page, gateway(func(g *templates.Gateway) { g.Inside, g.Leave = "/report/", "/perimeter/leave" }), ""},
		{"inside already, wrong token", page, with(func(g *templates.Gateway) { g.Inside, g.TokenError = "/", "We don't know this token." }), "token"},
		{"token only", page, gateway(func(g *templates.Gateway) { g.TokenOnly, g.Recorded = true, recorded[2:] }), "token"},
		{"token only, wrong", page, gateway(func(g *templates.Gateway) {
			g.TokenOnly, g.TokenError, g.NameError, g.EmailError = true, "We don't know this token.", "Not asked for.", "Not asked for."
		}), "token"},
		{"nothing recorded", page, gateway(func(g *templates.Gateway) { g.Recorded, g.Probe = nil, false }), "token"},
		{"notice with a button", "notice.html", templates.Notice{Site: "Acme preview", Heading: "This link has expired",
			Text: "It worked until 12 November 2026.", Next: "Ask the person who sent it for a new one.", Link: "/perimeter/gateway", Label: "Enter with a token"}, ""},
		{"notice without a button", "notice.html", templates.Notice{Site: "Acme preview", Heading: "The site can't be reached", Text: "Try again in a minute."}, ""},
	}
}

var look = templates.Look{Help: "No token? Write to anna@example.com."}

// inlined is what every page carries and no golden file needs to repeat.
var inlined = regexp.MustCompile(`(?s)(<style>).*?(</style>)|(<script>).*?(</script>)`)

func TestGoldenPages(t *testing.T) {
	t.Parallel()
	pages := newPages(t, look)
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, s.name, render(t, pages, s.page, s.data))
		})
	}
}

func compareGolden(t *testing.T, name string, body []byte) {
	t.Helper()
	got := inlined.ReplaceAllString(string(body), "$1$3…$2$4")
	file := filepath.Join("testdata", "golden", strings.NewReplacer(" ", "-", ",", "").Replace(name)+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("page differs from %s; look at it, then run go test -update\n%s", file, got)
	}
}

// Every state of every page holds what assistive technology, search engines
// and the Content-Security-Policy need.
func TestEveryPageIsSound(t *testing.T) {
	t.Parallel()
	pages := newPages(t, look)
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			body := render(t, pages, s.page, s.data)
			root := parse(t, body)
			checkDocument(t, root)
			checkReferences(t, root)
			checkFocus(t, root, s.focus)
			if len(body) > 15<<10 {
				t.Errorf("page has %d bytes, want at most 15 KiB", len(body))
			}
		})
	}
}

func checkDocument(t *testing.T, root *html.Node) {
	t.Helper()
	if lang, _ := attr(one(t, root, "html", tag("html")), "lang"); lang != "en" {
		t.Errorf("lang is %q, want en", lang)
	}
	if strings.TrimSpace(text(one(t, root, "title", tag("title")))) == "" {
		t.Error("the title is blank")
	}
	if strings.TrimSpace(text(one(t, root, "h1", tag("h1")))) == "" {
		t.Error("the h1 is blank")
	}
	one(t, root, "main", tag("main"))
	meta := map[string]string{}
	for _, m := range elements(root, tag("meta")) {
		name, _ := attr(m, "name")
		meta[name], _ = attr(m, "content")
	}
	if !strings.Contains(meta["viewport"], "width=device-width") || regexp.MustCompile("user-scalable|maximum-scale").MatchString(meta["viewport"]) {
		t.Errorf("viewport is %q", meta["viewport"])
	}
	if meta["color-scheme"] != "light dark" || meta["robots"] != "noindex, nofollow" {
		t.Errorf("color-scheme %q, robots %q", meta["color-scheme"], meta["robots"])
	}
	for _, n := range elements(root, func(*html.Node) bool { return true }) {
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has %s, which the policy blocks", n.Data, a.Key)
			}
		}
	}
}

// checkReferences follows every reference inside the page.
func checkReferences(t *testing.T, root *html.Node) {
	t.Helper()
	ids := map[string]int{}
	for _, n := range elements(root, having("id")) {
		id, _ := attr(n, "id")
		ids[id]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q stands %d times", id, n)
		}
	}
	for _, n := range elements(root, func(*html.Node) bool { return true }) {
		for _, key := range []string{"for", "aria-describedby", "aria-labelledby"} {
			val, _ := attr(n, key)
			for id := range strings.FieldsSeq(val) {
				if ids[id] == 0 {
					t.Errorf("%s of <%s> names %q, which is not there", key, n.Data, id)
				}
			}
		}
		if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") && ids[href[1:]] == 0 {
			t.Errorf("link to %s, which is not there", href)
		}
	}
	for _, n := range elements(root, tag("input")) {
		id, _ := attr(n, "id")
		kind, _ := attr(n, "type")
		labels := elements(root, func(l *html.Node) bool { f, ok := attr(l, "for"); return ok && f == id })
		if kind != "hidden" && len(labels) != 1 {
			t.Errorf("field %q has %d labels", id, len(labels))
		}
	}
}

func checkFocus(t *testing.T, root *html.Node, want string) {
	t.Helper()
	focused := elements(root, having("autofocus"))
	got := ""
	if len(focused) > 0 {
		got, _ = attr(focused[0], "id")
	}
	if len(focused) > 1 || got != want {
		t.Errorf("%d elements want the focus, the first is %q; want %q", len(focused), got, want)
	}
}

func TestGatewayFields(t *testing.T) {
	t.Parallel()
	root := parse(t, render(t, newPages(t, look), "gateway.html", states()[1].data))
	want := map[string]map[string]string{
		"token": {"type": "text", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false",
			"value": "7KQM-X2RD-PW9T-4HCB-NE6V-GZ3F", "aria-invalid": "true", "aria-describedby": "token-error"},
		"name":  {"type": "text", "autocomplete": "name", "value": "Ada Lovelace"},
		"email": {"type": "email", "autocomplete": "email", "autocapitalize": "none", "spellcheck": "false", "inputmode": "email", "value": "ada@example.com"},
	}
	for id, attrs := range want {
		field := one(t, root, id, byID(id))
		if name, _ := attr(field, "name"); name != id {
			t.Errorf("field %s is sent as %q", id, name)
		}
		for key, val := range attrs {
			if got, _ := attr(field, key); got != val {
				t.Errorf("%s of %s is %q, want %q", key, id, got, val)
			}
		}
		if _, wrong := attr(field, "aria-invalid"); wrong && id != "token" {
			t.Errorf("%s is marked as wrong", id)
		}
		if _, cut := attr(field, "maxlength"); cut {
			t.Errorf("%s would cut what is pasted", id)
		}
	}
	form := one(t, root, "form", tag("form"))
	if method, _ := attr(form, "method"); method != "post" {
		t.Errorf("method is %q", method)
	}
	if action, _ := attr(form, "action"); action != "/perimeter/gateway?next=%2Freport%2F%3Fa%3D1" {
		t.Errorf("action is %q", action)
	}
	probe := one(t, root, "probe", func(n *html.Node) bool { name, _ := attr(n, "name"); return name == "probe" })
	if value, _ := attr(probe, "value"); value != "1" {
		t.Errorf("the probe's value is %q", value)
	}
}

func TestGatewaySays(t *testing.T) {
	t.Parallel()
	pages := newPages(t, templates.Look{})
	cases := []struct {
		name   string
		data   templates.Gateway
		has    string
		hasNot string
	}{
		{"everything recorded", templates.Gateway{Recorded: recorded}, "Each entry is recorded: your name, your email address, your IP address, your browser and the time.", ""},
		{"two things recorded", templates.Gateway{Recorded: recorded[3:]}, "Each entry is recorded: your browser and the time.", ""},
		{"one thing recorded", templates.Gateway{Recorded: recorded[4:]}, "Each entry is recorded: the time.", ""},
		{"nothing recorded", templates.Gateway{}, "Enter site", "recorded"},
		{"one mistake", templates.Gateway{NameError: "Enter it."}, "Please check your name.", "token."},
		{"two mistakes", templates.Gateway{TokenError: "Wrong.", EmailError: "Wrong."}, "Please check your access token and your email address.", ""},
		{"three mistakes", templates.Gateway{TokenError: "A.", NameError: "B.", EmailError: "C."}, "Please check your access token, your name and your email address.", ""},
		{"a problem", templates.Gateway{Problem: "Try again at 14:05."}, "Try again at 14:05.", "Please check"},
		{"a visitor who is inside", templates.Gateway{Inside: "/x"}, "You are inside already.", "private for now"},
		{"a visitor who is inside, with no way out", templates.Gateway{Inside: "/x"}, "Go on to the site", "Leave"},
		{"a stranger, with a way out", templates.Gateway{Leave: "/leave"}, "private for now", "Leave"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := words(parse(t, render(t, pages, "gateway.html", c.data)))
			if !strings.Contains(got, c.has) || c.hasNot != "" && strings.Contains(got, c.hasNot) {
				t.Errorf("page says %q; want %q and not %q", got, c.has, c.hasNot)
			}
		})
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, page string
		look       templates.Look
		data       any
		want       string
	}{
		{"gateway", "gateway.html", templates.Look{}, templates.Gateway{Site: "Acme"}, "Enter Acme"},
		{"gateway with a title", "gateway.html", templates.Look{Title: "Preview door"}, templates.Gateway{Site: "Acme"}, "Preview door"},
		{"gateway after a mistake", "gateway.html", templates.Look{}, templates.Gateway{Site: "Acme", TokenError: "Wrong."}, "Error: Enter Acme"},
		{"notice", "notice.html", templates.Look{}, templates.Notice{Site: "Acme", Heading: "This link has expired"}, "This link has expired – Acme"},
		{"notice of no site", "notice.html", templates.Look{}, templates.Notice{Heading: "This link has expired"}, "This link has expired"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := parse(t, render(t, newPages(t, c.look), c.page, c.data))
			if got := text(one(t, root, "title", tag("title"))); got != c.want {
				t.Errorf("title is %q, want %q", got, c.want)
			}
		})
	}
}
