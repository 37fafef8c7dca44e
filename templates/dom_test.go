package templates_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

func newPages(t testing.TB, look templates.Look) *templates.Pages {
	t.Helper()
	pages, err := templates.New(look)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func render(t testing.TB, pages *templates.Pages, name string, data any) []byte {
	t.Helper()
	body, err := pages.Render(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// parse reads a page as a browser does that runs scripts.
func parse(t testing.TB, body []byte) *html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// elements lists the elements below root that match, in document order.
func elements(root *html.Node, match func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
	}
	return found
}

func tag(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

func having(key string) func(*html.Node) bool {
	return func(n *html.Node) bool { _, ok := attr(n, key); return ok }
}

func byID(id string) func(*html.Node) bool {
	return func(n *html.Node) bool { got, _ := attr(n, "id"); return got == id }
}

func attr(n *html.Node, key string) (string, bool) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	if i < 0 {
		return "", false
	}
	return n.Attr[i].Val, true
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// words is what a reader of the page's body sees, blanks as one space.
func words(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" && n.Parent.Data != "title" {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func one(t testing.TB, root *html.Node, what string, match func(*html.Node) bool) *html.Node {
	t.Helper()
	found := elements(root, match)
	if len(found) != 1 {
		t.Fatalf("page has %d elements %s, want 1", len(found), what)
	}
	return found[0]
}
