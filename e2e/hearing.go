package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// hearing keeps what a tab asked for and what it complained of.
type hearing struct {
	mu         sync.Mutex
	asked      []asked
	complaints []string
}

// asked is a request that the browser made.
type asked struct {
	URL, Method string
	Referer     string
}

func (h *hearing) listen(event any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		referer, _ := e.Request.Headers["Referer"].(string)
		h.asked = append(h.asked, asked{e.Request.URL, e.Request.Method, referer})
	case *log.EventEntryAdded:
		if e.Entry.Level != log.LevelInfo && e.Entry.Level != log.LevelVerbose && !isStatus(e.Entry) {
			h.complain("%s, %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		h.complain("console.%s", e.Type)
	case *runtime.EventExceptionThrown:
		h.complain("exception: %s", e.ExceptionDetails.Error())
	}
}

func (h *hearing) complain(format string, values ...any) {
	h.complaints = append(h.complaints, fmt.Sprintf(format, values...))
}

// isStatus tells the line that Chromium writes for a page with a status of 400
// or above, which tests look at themselves.
func isStatus(e *log.Entry) bool {
	return e.Source == log.SourceNetwork && strings.HasPrefix(e.Text, "Failed to load resource: the server responded with a status of")
}

// requests gives the requests since the last call.
func (h *hearing) requests() []asked {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.asked
	h.asked = nil
	return list
}

// complained gives the complaints since the last call.
func (h *hearing) complained() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.complaints
	h.complaints = nil
	return list
}

// isQuiet fails when a page asked for anything outside of the site, broke its
// own policy, or complained.
func (v *visitor) isQuiet() {
	v.t.Helper()
	for _, r := range v.requests() {
		if strings.HasPrefix(r.URL, "data:") {
			continue // nobody is asked; Chromium draws its date field's icon by one
		}
		if u, err := url.Parse(r.URL); err != nil || u.Scheme+"://"+u.Host != v.origin {
			v.t.Errorf("asked for %s %s, which is outside of the site", r.Method, r.URL)
		}
	}
	for _, c := range v.complained() {
		v.t.Errorf("the browser complained: %s\n%s", c, v.where())
	}
}
