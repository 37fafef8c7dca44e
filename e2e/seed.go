package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

var people = []struct{ name, email, ip, agent string }{
	{"Ada Lovelace", "ada@acme.example", "203.0.113.7", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"},
	{"Grace Hopper", "grace@acme.example", "198.51.100.24", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15"},
	{"Alan Turing", "alan@acme.example", "2001:db8:85a3::8a2e:370:7334", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"},
	{"Barbara Liskov", "barbara@studio.example", "192.0.2.61", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"},
	{"Edsger Dijkstra", "edsger@studio.example", "203.0.113.90", phoneAgent},
}

// month is how many entries there were on each of the last 30 days.
var month = []int{1, 0, 2, 3, 1, 0, 0, 2, 4, 3, 5, 2, 1, 0, 3, 6, 4, 5, 3, 1, 2, 7, 5, 4, 6, 2, 1, 4, 8, 5}

// seed fills a database as a month of use would.
func seed(t testing.TB, db *gorm.DB) {
	t.Helper()
	acme, live := makeToken(t, db, models.NewAccessToken{Label: "Acme preview", ExpiresAt: time.Now().Add(27 * 24 * time.Hour)})
	_ = acme
	_, press := makeToken(t, db, models.NewAccessToken{Label: "Press day", ExpiresAt: time.Now().Add(5 * 24 * time.Hour)})
	makeToken(t, db, models.NewAccessToken{Label: "Design review", ForName: "Grace Hopper", ForEmail: "grace@navy.example", ExpiresAt: models.Never})
	_, once := makeToken(t, db, models.NewAccessToken{Label: "One visit", MaxUses: 1})
	_, row := makeToken(t, db, models.NewAccessToken{Label: "Spring fair"})
	expire(t, db, row)
	_, row = makeToken(t, db, models.NewAccessToken{Label: "Former agency"})
	if err := models.DeactivateAccessToken(models.WithActor(context.Background(), "admin"), db, row.ID); err != nil {
		t.Fatal(err)
	}
	n := 0
	for day, count := range month {
		for range count {
			token := live
			if n%4 == 3 {
				token = press
			}
			at := time.Now().Add(-time.Duration(len(month)-1-day) * 24 * time.Hour).Add(-time.Duration(n%9) * 7 * time.Minute)
			enters(t, db, token, n, at)
			n++
		}
	}
	enters(t, db, once, 1, time.Now().Add(-26*time.Hour))
}

func enters(t testing.TB, db *gorm.DB, token models.AccessToken, n int, at time.Time) {
	t.Helper()
	p := people[n%len(people)]
	_, err := models.RecordEntry(context.Background(), db, token, models.NewPassRef(), models.NewAccessTokenUse{
		Name: p.name, Email: p.email, IP: p.ip, UserAgent: p.agent, At: at.UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// seedExtremes adds what stretches a page: long words, other scripts, markup,
// and a token that has been passed on.
func seedExtremes(t testing.TB, db *gorm.DB) {
	t.Helper()
	long := strings.Repeat("Donaudampfschifffahrtsgesellschaft", 5)
	_, row := makeToken(t, db, models.NewAccessToken{Label: long, ForName: long, ForEmail: strings.Repeat("a", 60) + "@" + strings.Repeat("b", 60) + ".example"})
	makeToken(t, db, models.NewAccessToken{Label: `"><script>alert(1)</script>`})
	makeToken(t, db, models.NewAccessToken{Label: "معاينة الموقع"})
	_, spread := makeToken(t, db, models.NewAccessToken{Label: "Passed on"})
	uses := []models.NewAccessTokenUse{
		{Name: long, Email: strings.Repeat("a", 60) + "@" + strings.Repeat("b", 60) + ".example", UserAgent: long, IP: "2001:0db8:85a3:0000:0000:8a2e:0370:7334"},
		{Name: "<img src=x onerror=alert(1)>", Email: `"<b>"@evil.example`, UserAgent: "<script>alert(1)</script>", IP: "192.0.2.1"},
		{Name: "ليلى العامرية", Email: "layla@example.org", IP: "192.0.2.2"},
		{},
	}
	for i := range 30 {
		uses = append(uses, models.NewAccessTokenUse{Name: fmt.Sprint("Guest ", i), Email: fmt.Sprintf("guest%d@example.org", i), IP: fmt.Sprintf("198.51.%d.9", i)})
	}
	for i, use := range uses {
		use.At = time.Now().UTC().Add(-time.Duration(i) * time.Minute)
		token := spread
		if i == 0 {
			token = row
		}
		if _, err := models.RecordEntry(context.Background(), db, token, models.NewPassRef(), use); err != nil {
			t.Fatal(err)
		}
	}
}
