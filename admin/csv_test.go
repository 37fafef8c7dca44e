package admin_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func inLocation(l *time.Location) func(*admin.Config) {
	return func(c *admin.Config) { c.Location = l }
}

func readCSV(t *testing.T, r io.Reader) [][]string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	rest, found := strings.CutPrefix(string(text), "\ufeff")
	if !found {
		t.Error("no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(rest)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) {
		c.Now = func() time.Time { return time.Date(2026, 11, 12, 9, 0, 0, 0, time.UTC) }
	})
	empty := s.get("/uses.csv").is(http.StatusOK)
	if rows := readCSV(t, strings.NewReader(empty.Body)); len(rows) != 1 {
		t.Errorf("without uses it has %d rows, want the columns alone", len(rows))
	}
	for key, want := range map[string]string{
		"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": `attachment; filename="entries-2026-11-12.csv"`, "Cache-Control": "no-store",
	} {
		if got := empty.Header.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	_, one := s.token(models.NewAccessToken{Label: "=1+1"})
	_, two := s.token(models.NewAccessToken{})
	s.entry(one, models.NewAccessTokenUse{Name: `=HYPERLINK("http://evil.example")`, Email: "@a.example", IP: "-1", UserAgent: "+cmd"})
	s.entry(two, models.NewAccessTokenUse{Name: "Other", Email: "o@example.com"})
	rows := readCSV(t, strings.NewReader(s.get("/uses.csv?token_id=1").is(http.StatusOK).Body))
	if len(rows) != 2 {
		t.Fatalf("%d rows, want the columns and one use", len(rows))
	}
	for _, cell := range rows[1] {
		if strings.ContainsAny(cell[:min(len(cell), 1)], "=+-@") {
			t.Errorf("a spreadsheet would run %q", cell)
		}
	}
	if p := s.get("/uses?token_id=1"); len(p.find("a", "href", root+"/uses.csv?token_id=1")) != 1 {
		t.Error("the page's export has another filter than the page")
	}
}

// many fills the table of uses.
func (s *site) many(n int) {
	s.t.Helper()
	_, row := s.token(models.NewAccessToken{Label: "x"})
	uses := make([]models.AccessTokenUse, n)
	for i := range uses {
		uses[i] = models.AccessTokenUse{Ref: fmt.Sprint(i), TokenID: row.ID, TokenLabel: "x", Name: "N", Email: "n@example.com", EmailKey: "n@example.com",
			UserAgent: firefox, Channel: models.ChannelForm, At: time.Now().Add(time.Duration(i-n) * time.Second).UTC().Truncate(time.Millisecond)}
	}
	if err := s.db.CreateInBatches(uses, 1000).Error; err != nil {
		s.t.Fatal(err)
	}
}

// A long export outlives the server's WriteTimeout, comes while it is being
// read, and whole.
func TestExportIsStreamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.many(5500)
	var pages atomic.Int32
	s.failWhen(func(table string) error {
		if table == "access_token_uses" && pages.Add(1) > 1 {
			time.Sleep(400 * time.Millisecond)
		}
		return nil
	})
	server := httptest.NewUnstartedServer(s.r)
	server.Config.WriteTimeout = 1500 * time.Millisecond
	server.Start()
	defer server.Close()
	answer := fetch(t, server, "/uses.csv")
	defer answer.Body.Close()
	if answer.ContentLength != -1 {
		t.Errorf("Content-Length is %d: it was not streamed", answer.ContentLength)
	}
	if rows := readCSV(t, answer.Body); len(rows) != 5501 {
		t.Errorf("%d rows, want 5501", len(rows))
	}
}

// When the database fails midway, the client sees that it has a part only,
// gin.Recovery or not.
func TestExportThatFailsMidwayIsCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.many(4000)
	var pages atomic.Int32
	s.failWhen(func(table string) error {
		if table == "access_token_uses" && pages.Add(1) > 2 {
			return errAway
		}
		return nil
	})
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			pages.Store(0)
			server := httptest.NewUnstartedServer(s.r)
			start(server)
			defer server.Close()
			answer := fetch(t, server, "/uses.csv")
			defer answer.Body.Close()
			if answer.Proto != name && answer.Proto != name+".0" {
				t.Fatalf("spoken was %s", answer.Proto)
			}
			body, err := io.ReadAll(answer.Body)
			if err == nil {
				t.Errorf("%d bytes ended as if complete", len(body))
			}
			if !strings.Contains(string(body), "n@example.com") {
				t.Error("not even the first rows came")
			}
		})
	}
	if !strings.Contains(s.log.String(), errAway.Error()) {
		t.Error("the log does not say why")
	}
}

func TestExportThatFailsAtOnceGetsAPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.many(3)
	s.breakDatabase()
	p := s.get("/uses.csv").is(http.StatusServiceUnavailable).says("The database does not answer")
	if got := p.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("Content-Type is %q", got)
	}
}

// Where the writer cannot be told a deadline, the handler aborts.
func TestExportWithoutDeadlines(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.many(1500)
	var pages atomic.Int32
	s.failWhen(func(table string) error {
		if table == "access_token_uses" && pages.Add(1) > 1 {
			return errors.New("gone")
		}
		return nil
	})
	if p := s.get("/uses.csv"); strings.Count(p.Body, "\n") > 1001 { // gin.Recovery swallows the abort; a recorder has no connection to cut
		t.Errorf("%d lines", strings.Count(p.Body, "\n"))
	}
}

func fetch(t *testing.T, server *httptest.Server, path string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, server.URL+root+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("anna", "pw")
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
