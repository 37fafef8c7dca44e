package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// who is the people that a list of uses shows, in its order.
func (p *page) who() string {
	var names []string
	for n := range p.doc.Descendants() {
		if n.Data == "td" && attr(n, "class") == "lead" {
			for span := range n.Descendants() {
				if span.Data == "span" {
					names = append(names, innerText(span))
					break
				}
			}
		}
	}
	return strings.Join(names, " ")
}

func TestListUses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.get("/uses").says("Nobody has come in yet.")
	_, one := s.token(models.NewAccessToken{Label: "One"})
	_, two := s.token(models.NewAccessToken{Label: "Two"})
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	s.entry(one, models.NewAccessTokenUse{Name: "Anna", Email: "anna@example.com", IP: "192.0.2.1", At: noon})
	s.entry(two, models.NewAccessTokenUse{Name: "Ben", Email: "ben@example.com", IP: "2001:db8::1", At: noon.Add(12 * time.Hour)})
	s.entry(one, models.NewAccessTokenUse{Name: "Carl", Email: "Carl@Example.com", IP: "192.0.2.2", At: noon.Add(24 * time.Hour), UserAgent: firefox})
	for query, want := range map[string]string{
		"":                                    "Carl Ben Anna",
		"?token_id=1":                         "Carl Anna",
		"?token_id=77":                        "",
		"?person=ANNA@":                       "Anna",
		"?person=carl@example.com":            "Carl",
		"?address=192.0.2.2":                  "Carl",
		"?address=2001:0DB8:0::1":             "Ben",
		"?since=2026-03-11":                   "Carl Ben",
		"?until=2026-03-10":                   "Anna",
		"?since=2026-03-11&until=2026-03-11":  "Carl Ben",
		"?token_id=1&since=2026-03-11":        "Carl",
		"?person=%25":                         "",
		"?before=notanid":                     "Carl Ben Anna",
		"?token_id=1&person=anna&address=::1": "",
	} {
		if got := s.get("/uses" + query).is(http.StatusOK).who(); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	s.get("/uses?token_id=1").says("Entries with One")
	s.get("/uses?token_id=77").says("No entry matches.")
	s.get("/uses").says("Firefox 131 on Windows", "11 March 2026")
}

// Days begin and end where Config.Location says.
func TestUsesByDayInLocation(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	s := newSite(t, inLocation(berlin))
	_, row := s.token(models.NewAccessToken{})
	s.entry(row, models.NewAccessTokenUse{Name: "Late", Email: "l@example.com", At: time.Date(2026, 3, 10, 23, 30, 0, 0, time.UTC)})
	if got := s.get("/uses?since=2026-03-11").who(); got != "Late" {
		t.Errorf("half past midnight in Berlin is not the next day: %q", got)
	}
	if p := s.get("/uses"); len(p.find("time", "title", "11 March 2026, 00:30 CET")) == 0 {
		t.Errorf("the exact time is not Berlin's")
	}
}

func TestUseFilterMistakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for query, want := range map[string]string{
		"?token_id=x":                        "Write the token’s number",
		"?token_id=-1":                       "Write the token’s number",
		"?address=192.0.2":                   "Write a whole address",
		"?since=yesterday":                   "This is not a date",
		"?until=2026-02-30":                  "This is not a date",
		"?since=2026-03-12&until=2026-03-11": "lies before the first one",
	} {
		p := s.get("/uses" + query).is(http.StatusUnprocessableEntity).says(want)
		for _, field := range []string{"token_id", "address", "since", "until"} {
			if _, typed, ok := strings.Cut(query+"&", field+"="); ok {
				typed, _, _ = strings.Cut(typed, "&")
				if p.value(field) != typed {
					t.Errorf("%s: the field holds %q", query, p.value(field))
				}
			}
		}
		csv := s.get("/uses.csv" + query)
		if csv.Code != http.StatusSeeOther || !strings.HasPrefix(csv.Header.Get("Location"), root+"/uses?") {
			t.Errorf("the export of %s answers %d", query, csv.Code)
		}
	}
}

func TestEndPass(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{})
	use := s.entry(row, models.NewAccessTokenUse{Name: "Anna", Email: "a@example.com"})
	if err := models.RecordHeaderUse(context.Background(), s.db, row, models.NewAccessTokenUse{IP: "192.0.2.1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	p := s.get("/uses?token_id=1&done=saved&evil=1").says("End pass")
	forms := p.find("form", "method", "post")
	if len(forms) != 1 {
		t.Fatalf("%d passes can be ended, want 1: a header has none", len(forms))
	}
	action := strings.TrimPrefix(attr(forms[0], "action"), root)
	if action != "/uses/1/end?token_id=1" {
		t.Errorf("the form posts to %q", action)
	}
	s.post(action, nil).leadsTo("/uses?done=ended&token_id=1")
	got, err := models.GetAccessTokenUse(context.Background(), s.db, use.ID)
	if err != nil || got.EndedAt == nil {
		t.Errorf("the pass goes on: %+v, %v", got, err)
	}
	s.get("/uses?done=ended").says("The pass is ended.", "ended just now").saysNot("End pass")
	s.post("/uses/77/end", nil).is(http.StatusNotFound)
	s.post("/uses/1/end?before=5&last=1&since=2026-01-01", nil).leadsTo("/uses?before=5&done=ended&last=1&since=2026-01-01")
}

func TestPagesOfUses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{})
	for i := range 101 {
		s.entry(row, models.NewAccessTokenUse{Name: fmt.Sprintf("N%03d", i), Email: "n@example.com", At: time.Now().Add(time.Duration(i-200) * time.Minute)})
	}
	p := s.get("/uses?token_id=1")
	second := s.follow(p, "Next")
	third := s.follow(second, "Next")
	if got := third.who(); got != "N000" {
		t.Errorf("the third page has %q", got)
	}
	if got := s.follow(third, "Previous").who(); got != second.who() {
		t.Error("Previous does not lead back")
	}
	if got := s.follow(p, "Last").who(); !strings.HasSuffix(got, "N000") {
		t.Errorf("the last page ends with %q", got)
	}
	if action := attr(second.find("form", "method", "post")[0], "action"); !strings.Contains(action, "before=") {
		t.Errorf("ending a pass would lead to another page of the list: %q", action)
	}
}

func TestForgetPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "Acme"})
	for range 2 {
		s.entry(row, models.NewAccessTokenUse{Name: "Anna", Email: "anna@example.com", IP: "192.0.2.1"})
	}
	s.entry(row, models.NewAccessTokenUse{Name: "Ben", Email: "ben@example.com"})
	s.get("/uses/forget").says("Forget a person")
	s.post("/uses/forget/count", form("email", " ")).is(http.StatusUnprocessableEntity).says("Write the person’s email address")
	p := s.post("/uses/forget/count", form("email", "nobody@example.com")).is(http.StatusUnprocessableEntity).says("No entry has this address")
	if p.value("email") != "nobody@example.com" {
		t.Errorf("the field holds %q", p.value("email"))
	}
	p = s.post("/uses/forget/count", form("email", " ANNA@example.com ")).is(http.StatusOK).says("Forget this person?", "2 entries", "cannot be undone")
	if got := s.get("/uses").who(); got != "Ben Anna Anna" {
		t.Fatalf("counting changed the record: %q", got)
	}
	s.post("/uses/forget", form("email", p.value("email"))).leadsTo("/uses?done=forgotten&n=2")
	s.get("/uses?done=forgotten&n=2").says("Forgotten in 2 entries.", "Forgotten Acme").saysNot("Anna", "anna@", "192.0.2.1")
	s.post("/uses/forget", form("email", "anna@example.com")).leadsTo("/uses?done=none-changed")
	s.post("/uses/forget", nil).is(http.StatusUnprocessableEntity)
	if strings.Contains(s.log.String(), "anna@example.com") || strings.Contains(s.log.String(), "ANNA@") {
		t.Error("the log remembers who was forgotten")
	}
}

// No database has years of five digits.
func TestFarDates(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("west", -12*3600), time.FixedZone("east", 14*3600)} {
			r := gin.New()
			err := admin.Mount(r.Group(root), admin.Config{DB: db, Location: zone, Auth: gin.BasicAuth(gin.Accounts{"anna": "pw"})})
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{
				"/uses?until=9999-12-31", "/uses?since=9999-12-30", "/uses?since=0001-01-01&until=9999-12-30",
				"/tokens?sort=expiry&past=281474976710655.1", "/tokens?sort=expiry&past=253402214400000.1",
			} {
				request := httptest.NewRequest(http.MethodGet, root+path, nil)
				request.SetBasicAuth("anna", "pw")
				w := httptest.NewRecorder()
				r.ServeHTTP(w, request)
				if w.Code != http.StatusOK {
					t.Errorf("%s %s: %d", zone, path, w.Code)
				}
			}
		}
	})
}
