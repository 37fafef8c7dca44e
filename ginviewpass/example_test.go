package ginviewpass_test

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

// exampleKey stands for 32 bytes from "openssl rand -base64 32". Examples have
// a fixed key and clock, so that their output stays the same.
var exampleKey = []byte("only an example: 32 bytes or more")

func exampleClock() time.Time { return time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC) }

// A link is signed, and checked when somebody opens it.
func Example() {
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{exampleKey}, Now: exampleClock})
	if err != nil {
		panic(err)
	}
	r := gin.New()
	r.Use(links.Middleware())
	r.GET("/report/", links.Require("reporting.view_report"), func(c *gin.Context) {
		c.String(http.StatusOK, "the report")
	})

	link, err := links.URL("/report/", "reporting.view_report", ginviewpass.ExpiresIn(72*time.Hour))
	if err != nil {
		panic(err)
	}
	fmt.Println(link)

	for _, target := range []string{link, "/report/", link + "&year=2025"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		fmt.Println(w.Code)
	}
	// Output:
	// /report/?viewpass=VHYAavWqQAAD9IAVcmVwb3J0aW5nLnZpZXdfcmVwb3J0L3JlcG9ydC8:rc4Bn0rwUYgMEVEo1g957g
	// 200
	// 403
	// 403
}

// For a mail, a link needs the site's address.
func ExampleLinks_AbsoluteURL() {
	links, err := ginviewpass.New(ginviewpass.Config{
		Keys:    [][]byte{exampleKey},
		Now:     exampleClock,
		BaseURL: "https://www.example.com",
	})
	if err != nil {
		panic(err)
	}
	link, err := links.AbsoluteURL("/report/?year=2026", "reporting.view_report")
	if err != nil {
		panic(err)
	}
	fmt.Println(link)
	// Output:
	// https://www.example.com/report/?year=2026&viewpass=VHYAavWqQAAnjQAVcmVwb3J0aW5nLnZpZXdfcmVwb3J0L3JlcG9ydC8:Y31M0EiVkCOjh24rxDPJwQ
}

// Verify tells what a link says, and whether it holds.
func ExampleLinks_Verify() {
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{exampleKey}, Now: exampleClock})
	if err != nil {
		panic(err)
	}
	link, err := links.URL("/report/", "reporting.view_report", ginviewpass.ExpiresIn(time.Hour))
	if err != nil {
		panic(err)
	}
	grant, err := links.Verify(link, exampleClock().Add(2*time.Hour))
	fmt.Println(grant.Permission, "on", grant.Path, "until", grant.ExpiresAt)
	fmt.Println(errors.Is(err, ginviewpass.ErrExpired), err)

	_, err = links.Verify(link+"&year=2026", exampleClock())
	fmt.Println(err)
	// Output:
	// reporting.view_report on /report/ until 2026-11-12 13:00:00 +0000 UTC
	// true ginviewpass: link expired
	// ginviewpass: signature does not fit the link and the query
}

// To change the key, put the new one first, and remove the old one when its
// links may stop working.
func ExampleConfig_keys() {
	oldKey, newKey := exampleKey, []byte("another example of at least 32 bytes")
	before, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{oldKey}, Now: exampleClock})
	if err != nil {
		panic(err)
	}
	link, err := before.URL("/report/", "reporting.view_report")
	if err != nil {
		panic(err)
	}
	for _, keys := range [][][]byte{{newKey, oldKey}, {newKey}} {
		links, err := ginviewpass.New(ginviewpass.Config{Keys: keys, Now: exampleClock})
		if err != nil {
			panic(err)
		}
		_, err = links.Verify(link, exampleClock())
		fmt.Println(len(keys), "keys:", err)
	}
	// Output:
	// 2 keys: <nil>
	// 1 keys: ginviewpass: link was signed with an unknown key
}

// The template function makes a link to the page being rendered.
func ExampleLinks_Templates() {
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{exampleKey}, Now: exampleClock})
	if err != nil {
		panic(err)
	}
	r := gin.New()
	links.Templates(r)
	// or r.Delims and r.LoadHTMLGlob("templates/*")
	r.SetHTMLTemplate(template.Must(template.New("report.html").Delims("<<", ">>").Funcs(r.FuncMap).Parse(
		`<a href="<< viewpassURL "reporting.view_report" >>">Get public URL</a>`)))
	r.Use(links.Middleware())
	r.GET("/report/", func(c *gin.Context) { c.HTML(http.StatusOK, "report.html", nil) })

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/report/", nil))
	fmt.Println(w.Body)
	// Output:
	// <a href="/report/?viewpass=VHYAavWqQAAnjQAVcmVwb3J0aW5nLnZpZXdfcmVwb3J0L3JlcG9ydC8:wVv6_-Xi7QwqTxAYi1JRLQ">Get public URL</a>
}

// The value for those who do without a template function.
func ExampleLinks_Page() {
	links, err := ginviewpass.New(ginviewpass.Config{
		Keys: [][]byte{exampleKey},
		Now:  exampleClock,
		// only editors are shown a link
		Authorize: func(c *gin.Context, permission string) bool { return c.GetHeader("Role") == "editor" },
	})
	if err != nil {
		panic(err)
	}
	r := gin.New()
	r.SetHTMLTemplate(template.Must(template.New("report.html").Parse(
		`{{ with .Viewpass.URL "view" }}<a href="{{ . }}">Get public URL</a>{{ else }}no link for you{{ end }}`)))
	r.GET("/r", func(c *gin.Context) {
		c.HTML(http.StatusOK, "report.html", gin.H{"Viewpass": links.Page(c)})
	})
	for _, role := range []string{"editor", "reader"} {
		w := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/r", nil)
		request.Header.Set("Role", role)
		r.ServeHTTP(w, request)
		fmt.Println(w.Body)
	}
	// Output:
	// <a href="/r?viewpass=VHYAavWqQAAnjQAEdmlldy9y:TGjBkuUHOSeqfH0Mkll5OQ">Get public URL</a>
	// no link for you
}

// A mistake: the gate asks before anybody has read the link. It stays shut,
// and the log says what to do.
func ExampleLinks_Granted_wrongOrder() {
	links, err := ginviewpass.New(ginviewpass.Config{
		Keys:   [][]byte{exampleKey},
		Now:    exampleClock,
		Logger: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	})
	if err != nil {
		panic(err)
	}
	gate := func(c *gin.Context) {
		if !links.Granted(c) {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}
	r := gin.New()
	r.Use(gate, links.Middleware()) // wrong: the other way round
	r.GET("/report/", links.Require("view"))

	link, err := links.URL("/report/", "view")
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, link, nil))
	fmt.Println(w.Code)
	// Output:
	// level=WARN msg="ginviewpass: a link came, but links.Middleware() had not run; call r.Use(links.Middleware()) before the gate and before routes with links.Require" event=viewpass.misconfigured
	// 401
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Links have no place in logs.
func ExampleRedact() {
	fmt.Println(ginviewpass.Redact("/report/?viewpass=VFIAavWqQAAD9IAEdmlldy9yZXBvcnQv:0123456789abcdefABCDEF&year=2026"))
	fmt.Println(ginviewpass.Redact("/perimeter/gateway?next=%2Freport%2F%3Fviewpass%3DVFIAavWqQAAD9IAE"))
	// Output:
	// /report/?viewpass=REDACTED&year=2026
	// /perimeter/gateway?next=%2Freport%2F%3Fviewpass%3DREDACTED
}
