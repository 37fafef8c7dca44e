package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// bad is a page with one of each fault that pages are checked for.
const bad = `<!doctype html><html><meta name="viewport" content="width=device-width"><title>Bad</title>
<p style="color:#ccc">Pale</p><img src="http://elsewhere.example/x.png">
<p style="width:2000px">Wide</p><button style="font-size:8px">Small</button>
<script>console.error("complaint")</script></html>`

// TestChecksFindFaults makes sure that what the other tests find nothing with
// can find something.
func TestChecksFindFaults(t *testing.T) {
	t.Parallel()
	needAxe(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "img-src 'self'")
		_, _ = w.Write([]byte(bad))
	}))
	t.Cleanup(server.Close)
	v := newVisitor(t, server.URL, phone)
	v.open("/")
	ids := ""
	for _, violation := range v.violations() {
		ids += violation.ID + " "
	}
	for _, want := range []string{"color-contrast", "image-alt", "html-has-lang"} {
		if !strings.Contains(ids, want) {
			t.Errorf("axe-core found %q, but not %s", ids, want)
		}
	}
	found := &failures{TB: t}
	v.t = found
	v.fits("bad", phone)
	v.canBeTouched("bad")
	time.Sleep(100 * time.Millisecond) // the browser tells of its complaints afterwards
	v.isQuiet()
	for _, want := range []string{"scrolled sideways by P", "controls under 44 px", "console.error", "Content Security Policy"} {
		if !strings.Contains(found.text, want) {
			t.Errorf("not found: %s\nfound:\n%s", want, found.text)
		}
	}
}

// failures collects what a check says, in the place of the test.
type failures struct {
	testing.TB
	text string
}

func (f *failures) Errorf(format string, values ...any) {
	f.text += fmt.Sprintf(format, values...) + "\n"
}
