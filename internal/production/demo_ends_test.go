//go:build unix

package production_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Monitors and mail programs ask for the header alone, of pages that are open
// and of those that a link opens.
func TestDemoAnswersHEAD(t *testing.T) {
	t.Parallel()
	demo := start(t)
	for target, status := range map[string]int{
		demo.url + "/healthz": http.StatusOK, demo.url + "/readyz": http.StatusOK, demo.viewpass: http.StatusOK,
		demo.url + "/": http.StatusFound, demo.url + "/report/": http.StatusFound, demo.url + gateway: http.StatusOK,
	} {
		if a := newBrowser(t).do(http.MethodHead, target, nil).want(t, status, "HEAD "+strings.TrimPrefix(target, demo.url)); a.body != "" {
			t.Errorf("HEAD %s has a body", target)
		}
	}
	b := inside(t, demo.url, demo.token)
	for _, path := range []string{"/", "/report/", "/api/status"} {
		b.do(http.MethodHead, demo.url+path, nil).want(t, http.StatusOK, "HEAD "+path+" of who is inside")
	}
	demo.stop(t)
}

// A client that never ends its form does not make the end of the demo a
// failure.
func TestStopsThoughAFormNeverEnds(t *testing.T) {
	long(t) // the 10 s that the form gets
	t.Parallel()
	demo := start(t)
	conn := must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(demo.url, "http://")))
	defer conn.Close()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ntoken=", gateway)
	if err != nil {
		t.Fatal(err)
	}
	newBrowser(t).get(demo.url+"/healthz").want(t, http.StatusOK, "beside the form")
	demo.stop(t)
	if !strings.Contains(demo.log.text(), "example: cut off requests that did not end within 10s") {
		t.Errorf("the log does not tell:\n%s", demo.log.tail(5))
	}
}
