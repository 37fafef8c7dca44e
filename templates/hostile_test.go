package templates_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// attacks are texts that try to become more than text.
var attacks = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' autofocus onfocus='alert(1)`,
	`</title></textarea></style></script><svg onload=alert(1)>`,
	`<!-- --!> <![CDATA[`,
	`{{.Token}}{{template "gateway.html"}}`,
	`javascript:alert(1)`,
	`&lt;script&gt;&#x22;&amp;quot;`,
	"\u202eevil\u2066\u200b",
	"line\nbreak\ttab",
	"a\x00b\xff\xc0\xaf",
	strings.Repeat("<b>", 400),
	`<base href="//evil.example"><meta http-equiv=refresh content=0>`,
	"${alert(1)}`+alert(1)+`",
}

// skeleton is a page without what the data may change: its texts and the
// values of fields.
func skeleton(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode:
			b.WriteString("comment\n")
		case html.ElementNode:
			b.WriteString(n.Data)
			for _, a := range n.Attr {
				b.WriteString(" " + a.Key)
				if a.Key != "value" {
					b.WriteString("=" + a.Val)
				}
			}
			b.WriteString("\n")
			if n.Data == "style" || n.Data == "script" {
				b.WriteString(text(n))
			}
		}
	}
	return b.String()
}

func TestHostileTextLeavesTheGatewayUnchanged(t *testing.T) {
	t.Parallel()
	fill := func(s string) templates.Gateway {
		return templates.Gateway{Site: s, Action: "/gateway", Token: s, Name: s, Email: s, TokenError: s,
			NameError: s, EmailError: s, Problem: s, Notice: s, Probe: true, Recorded: []string{s, s, s}}
	}
	calm := newPages(t, templates.Look{SiteName: "calm", Title: "calm", Help: "calm"})
	want := skeleton(parse(t, render(t, calm, "gateway.html", fill("calm"))))
	for _, attack := range attacks {
		t.Run(attack[:min(len(attack), 30)], func(t *testing.T) {
			t.Parallel()
			pages := newPages(t, templates.Look{SiteName: attack, Title: attack, Help: attack})
			root := parse(t, render(t, pages, "gateway.html", fill(attack)))
			if got := skeleton(root); got != want {
				t.Errorf("page became\n%s\nwant\n%s", got, want)
			}
			for _, id := range []string{"token", "name", "email"} {
				typed, _ := attr(one(t, root, id, byID(id)), "value")
				if typed != asParsed(attack) {
					t.Errorf("%s shows %q, want %q", id, typed, asParsed(attack))
				}
				if got := text(one(t, root, id+"-error", byID(id+"-error"))); got != asParsed(attack) {
					t.Errorf("message at %s is %q, want %q", id, got, asParsed(attack))
				}
			}
			if got := text(one(t, root, "h1", tag("h1"))); got != asParsed(attack) {
				t.Errorf("h1 is %q, want %q", got, asParsed(attack))
			}
		})
	}
}

// asParsed is the text as it stands in a page: HTML has no NUL.
func asParsed(s string) string {
	return strings.ReplaceAll(s, "\x00", "\ufffd")
}

func TestHostileTextLeavesTheNoticeUnchanged(t *testing.T) {
	t.Parallel()
	pages := newPages(t, templates.Look{})
	fill := func(s string) templates.Notice {
		return templates.Notice{Site: s, Heading: s, Text: s, Next: s, Link: "/gateway", Label: s}
	}
	want := skeleton(parse(t, render(t, pages, "notice.html", fill("calm"))))
	for _, attack := range attacks {
		t.Run(attack[:min(len(attack), 30)], func(t *testing.T) {
			t.Parallel()
			got := skeleton(parse(t, render(t, pages, "notice.html", fill(attack))))
			if got != want {
				t.Errorf("page became\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestScriptAddressesAreDisarmed(t *testing.T) {
	t.Parallel()
	pages := newPages(t, templates.Look{})
	for _, address := range []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>", "vbscript:x", `"><script>`} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			gate := parse(t, render(t, pages, "gateway.html", templates.Gateway{Action: address, Inside: address, Leave: address}))
			note := parse(t, render(t, pages, "notice.html", templates.Notice{Link: address}))
			found := append(elements(gate, having("action")), elements(gate, having("href"))...)
			found = append(found, elements(note, having("href"))...)
			if len(found) != 4 {
				t.Fatalf("found %d addresses, want 4", len(found))
			}
			for _, n := range found {
				href, _ := attr(n, "href")
				action, _ := attr(n, "action")
				scheme, _, has := strings.Cut(href+action, ":")
				if has && !strings.Contains(scheme, "/") {
					t.Errorf("<%s> leads to %q", n.Data, href+action)
				}
				if strings.ContainsAny(href+action, `"<>`) {
					t.Errorf("<%s> leads to %q", n.Data, href+action)
				}
			}
			if got := len(elements(gate, tag("script"))); got != 1 {
				t.Errorf("page has %d scripts, want its own", got)
			}
		})
	}
}
