package templates_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// helpLinks renders text as Look.Help and gives what the sentence says and
// where its links lead.
func helpLinks(t testing.TB, sentence string) (said string, links []string) {
	t.Helper()
	pages := newPages(t, templates.Look{Help: sentence})
	root := parse(t, render(t, pages, "gateway.html", templates.Gateway{}))
	help := one(t, root, "help", func(n *html.Node) bool { return n.Data == "p" && n.Parent.Data == "footer" })
	for _, a := range elements(help, tag("a")) {
		href, _ := attr(a, "href")
		links = append(links, text(a)+" -> "+href)
	}
	return text(help), links
}

func TestHelpLinks(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, help string
		want       []string
	}{
		{"a mail address at the end", "No token? Write to anna@example.com.", []string{"anna@example.com -> mailto:anna@example.com"}},
		{"a mail address with a plus and dots", "anna.b+door@mail.example.co.uk!", []string{"anna.b+door@mail.example.co.uk -> mailto:anna.b+door@mail.example.co.uk"}},
		{"two addresses", "anna@example.com or ben@example.com", []string{"anna@example.com -> mailto:anna@example.com", "ben@example.com -> mailto:ben@example.com"}},
		{"an https address", "See https://example.com/help?a=1&b=2.", []string{"https://example.com/help?a=1&b=2 -> https://example.com/help?a=1&b=2"}},
		{"an address in brackets", "Ask (see https://example.com/x).", []string{"https://example.com/x -> https://example.com/x"}},
		{"an address with brackets", "https://example.com/a_(b)", []string{"https://example.com/a_(b) -> https://example.com/a_%28b%29"}},
		{"an address in angle brackets", "<https://example.com>, <anna@example.com>", []string{"https://example.com -> https://example.com", "anna@example.com -> mailto:anna@example.com"}},
		{"an address in quotes", "“https://example.com/”", []string{"https://example.com/ -> https://example.com/"}},
		{"a user in an https address", "https://anna@example.com/", []string{"https://anna@example.com/ -> https://anna@example.com/"}},
		{"an address beyond ASCII", "zoë@exämple.com", []string{"zoë@exämple.com -> mailto:zo%C3%AB@ex%c3%a4mple.com"}},
		{"plain http", "http://example.com", nil},
		{"a script", "javascript:alert(1)", nil},
		{"a host without a dot", "anna@localhost", nil},
		{"an at sign alone", "@ me @home.example", nil},
		{"nothing to link", "Ask at the front desk.", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, links := helpLinks(t, c.help)
			if said != c.help {
				t.Errorf("the sentence became %q", said)
			}
			if !slices.Equal(links, c.want) {
				t.Errorf("links are %q, want %q", links, c.want)
			}
		})
	}
}

// Whatever the sentence is, it is said unchanged, and nothing but mail and
// https addresses are links.
func FuzzHelp(f *testing.F) {
	f.Add("Write to anna@example.com or see https://example.com/(a).")
	f.Add("https://https://a@b.c)))...")
	f.Add(`<a href="javascript:x">https://"><script></a>`)
	for _, attack := range attacks {
		f.Add(attack)
	}
	f.Fuzz(func(t *testing.T, sentence string) {
		if !utf8.ValidString(sentence) || strings.ContainsAny(sentence, "\x00\r") || sentence == "" {
			return // HTML cannot say it
		}
		said, links := helpLinks(t, sentence)
		if said != sentence {
			t.Errorf("%q became %q", sentence, said)
		}
		for _, link := range links {
			_, href, _ := strings.Cut(link, " -> ")
			to, err := url.Parse(href)
			if err == nil && to.Scheme != "https" && to.Scheme != "mailto" {
				t.Errorf("%q links to %q", sentence, href)
			}
		}
	})
}
