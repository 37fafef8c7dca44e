package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// With the database away, each page says so, and what was typed is still there.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.token(models.NewAccessToken{Label: "x"})
	s.breakDatabase()
	for _, path := range []string{"/", "/tokens", "/tokens?sort=expiry", "/tokens/1", "/tokens/1/edit", "/tokens/1/delete", "/uses", "/uses.csv"} {
		unavailable(t, s.get(path))
	}
	for path, f := range map[string]url.Values{
		"/tokens/1/extend": form("by", "7d"), "/tokens/1/deactivate": nil, "/tokens/1/activate": nil, "/tokens/1/delete": nil,
		"/tokens/bulk": form("do", "deactivate", "id", "1"), "/tokens/search": form("q", models.GenerateToken()), "/uses/1/end": nil,
	} {
		unavailable(t, s.post(path, f))
	}
	unavailable(t, s.post("/tokens/bulk", form("do", "deactivate-now", "id", "1")))
	unavailable(t, s.post("/tokens/bulk", form("do", "extend-7d", "id", "1")))

	typed := form("label", "Typed", "expires", "30d", "max_uses", "7", "for_name", "Zoë", "for_email", "z@example.com", "token", "open sesame and more", "key", "k", "version", "1")
	for _, path := range []string{"/tokens", "/tokens/1/edit"} {
		p := s.post(path, typed)
		unavailable(t, p)
		p.says("What you typed is still here")
		for _, field := range []string{"label", "expires", "max_uses", "for_name", "for_email", "token"} {
			if got := p.value(field); got != typed.Get(field) && (field != "token" || path == "/tokens") {
				t.Errorf("%s: %s holds %q", path, field, got)
			}
		}
	}
	for _, path := range []string{"/uses/forget/count", "/uses/forget"} {
		p := s.post(path, form("email", "z@example.com"))
		unavailable(t, p)
		if got := p.value("email"); got != "z@example.com" {
			t.Errorf("%s: the field holds %q", path, got)
		}
	}
	if strings.Contains(s.log.String(), "sesame") || !strings.Contains(s.log.String(), errAway.Error()) {
		t.Error("the log has the token, or not the cause")
	}
	s.fails.Store(nil)
	s.post("/tokens", typed).is(http.StatusOK) // the same form again
}

func unavailable(t *testing.T, p *page) {
	t.Helper()
	p.is(http.StatusServiceUnavailable).says("The database does not answer").saysNot(errAway.Error())
	if p.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// A change whose record cannot be written is no change.
func TestDatabaseErrorMidway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "x"})
	s.failWhen(func(table string) error {
		if table == "access_token_changes" {
			return errAway
		}
		return nil
	})
	unavailable(t, s.post("/tokens/1/deactivate", nil))
	unavailable(t, s.post("/tokens/1/delete", nil))
	unavailable(t, s.post("/tokens/1/edit", form("version", "1", "label", "y", "expires", "keep")))
	unavailable(t, s.post("/tokens", form("label", "y", "expires", "7d")))
	unavailable(t, s.get("/tokens/1"))  // its changes are part of the page
	unavailable(t, s.get("/tokens/77")) // who deleted it cannot be told
	s.fails.Store(nil)
	if got := s.reload(row); got.Version != 1 || got.DeactivatedAt != nil || s.countTokens() != 1 {
		t.Errorf("half a change was kept: %+v", got)
	}
	s.failWhen(func(table string) error {
		if table == "access_token_uses" {
			return errAway
		}
		return nil
	})
	unavailable(t, s.get("/"))
	unavailable(t, s.get("/tokens/1"))
	unavailable(t, s.get("/tokens/1/delete"))
}

// Reading what others changed may fail too.
func TestConflictWhileTheDatabaseFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.token(models.NewAccessToken{Label: "x"})
	s.post("/tokens/1/deactivate", nil)
	s.failWhen(func(table string) error {
		if table == "access_token_changes" {
			return errAway
		}
		return nil
	})
	unavailable(t, s.post("/tokens/1/edit", form("version", "1", "label", "y", "expires", "keep")))
}

func TestClientThatLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, path := range []string{"/tokens", "/uses.csv"} {
		s.do(httptest.NewRequest(http.MethodGet, root+path, nil).WithContext(ctx), "anna")
	}
	if s.log.Len() > 0 {
		t.Errorf("the log says %q about clients that left", s.log.String())
	}
}

// A page of the host's that fails is a 500 without half a page.
func TestOverrideThatFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) {
		c.Look.Overrides = fstest.MapFS{"admin/tokens.html": {Data: []byte("<h1>half</h1>{{.NoSuchField}}")}}
	})
	p := s.get("/tokens").is(http.StatusInternalServerError)
	if strings.Contains(p.Body, "half") {
		t.Error("half a page was sent")
	}
	if !strings.Contains(s.log.String(), "NoSuchField") {
		t.Error("the log does not say why")
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.get("/").says("No tokens yet", "Create the first token").saysNot("live tokens")
	_, row := s.token(models.NewAccessToken{Label: "Live", ExpiresAt: time.Now().Add(3 * 24 * time.Hour)})
	s.token(models.NewAccessToken{Label: "Long", ExpiresAt: models.Never})
	_, full := s.token(models.NewAccessToken{Label: "Full", MaxUses: 1})
	s.get("/").says("3 live tokens", "Nobody has come in yet")
	s.entry(full, models.NewAccessTokenUse{Name: "Ben", Email: "b@example.com", At: time.Now().Add(-40 * 24 * time.Hour)})
	for range 10 {
		s.entry(row, models.NewAccessTokenUse{Name: "Anna", Email: "a@example.com"})
	}
	p := s.get("/").says("2 live tokens", "1 expire within 7 days", "1 used up", "10 entries in 30 days. The most on one day: 10", "Anna a@example.com")
	p.saysNot("Ben")
	if got := strings.Count(p.who(), "Anna"); got != 8 {
		t.Errorf("%d latest entries, want 8", got)
	}
	if len(p.find("rect", "class", "bar")) != 1 {
		t.Error("the chart has not one bar")
	}
	if rows := p.find("table", "class", "figures"); len(rows) != 1 {
		t.Error("no table of the chart's numbers")
	}
}

// Times are said in words, with the exact one behind.
func TestTimesInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 12, 14, 3, 0, 0, time.UTC)
	s := newSite(t, func(c *admin.Config) { c.Now = func() time.Time { return now } })
	_, row := s.token(models.NewAccessToken{ExpiresAt: models.Never})
	for ago, want := range map[time.Duration]string{
		10 * time.Second: "just now", 44 * time.Minute: "44 minutes ago", 59*time.Minute + 40*time.Second: "1 hour ago", 5 * time.Hour: "5 hours ago",
		-10 * time.Second: "in a moment", -90 * time.Second: "in 2 minutes", 40 * time.Hour: "2 days ago", 50 * 24 * time.Hour: "50 days ago",
		100 * 24 * time.Hour: "4 August 2026", -61 * 24 * time.Hour: "in 61 days", 35 * time.Hour: "35 hours ago",
	} {
		s.entry(row, models.NewAccessTokenUse{Name: "A", Email: "a@example.com", At: now.Add(-ago)})
		times := s.get("/uses").find("time", "datetime", now.Add(-ago).Format(time.RFC3339))
		if len(times) == 0 || innerText(times[0]) != want {
			t.Errorf("%v ago: %d elements, want %q", ago, len(times), want)
		}
		if len(times) > 0 && attr(times[0], "title") != now.Add(-ago).Format("2 January 2006, 15:04 MST") {
			t.Errorf("%v ago: title is %q", ago, attr(times[0], "title"))
		}
	}
}

// Where counting takes long, the days that are over are counted every ten
// minutes; today is always counted.
func TestOverviewOfABusySite(t *testing.T) {
	t.Parallel()
	start := time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour) // yesterday at noon
	var ahead time.Duration
	s := newSite(t, func(c *admin.Config) { c.Now = func() time.Time { return start.Add(ahead) } })
	_, row := s.token(models.NewAccessToken{Label: "x", ExpiresAt: models.Never})
	err := s.db.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "+
		"INSERT INTO access_token_uses (ref, token_id, token_check, token_label, name, email, email_key, ip, user_agent, channel, at) "+
		"SELECT i, 1, '', '', '', '', '', '', '', 'form', ? FROM n", start.Add(-72*time.Hour).UTC()).Error
	if err != nil {
		t.Fatal(err)
	}
	s.get("/").says("100,000 entries in 30 days")
	s.entry(row, models.NewAccessTokenUse{Name: "Today", Email: "t@example.com", At: start})
	s.entry(row, models.NewAccessTokenUse{Name: "Late", Email: "l@example.com", At: start.Add(-48 * time.Hour)})
	s.get("/").says("100,001 entries in 30 days")
	ahead = 11 * time.Minute
	s.get("/").says("100,002 entries in 30 days")
}

// Beyond a number, nobody waits for the exact count.
func TestOverviewOfManyTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	insert := "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?) " +
		"INSERT INTO access_tokens (label, label_key, digest, hint, use_count, max_uses, for_name, for_email, for_email_key, created_by, version, created_at, updated_at) " +
		"SELECT 'x', 'x', i, '', 0, 0, '', '', '', '', 1, ?, ? FROM n"
	for _, step := range []struct {
		from, to int
		says     string
	}{{1, 10_000, "10,000 live tokens"}, {10_001, 10_001, "10,000+ live tokens"}} {
		now := time.Now().UTC()
		if err := s.db.Exec(insert, step.from, step.to, now, now).Error; err != nil {
			t.Fatal(err)
		}
		s.get("/").says(step.says)
	}
}
