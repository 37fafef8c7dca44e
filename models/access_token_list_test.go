package models_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

// assorted writes tokens of every kind, many of which share labels, addresses
// and times.
func assorted(t *testing.T, db *gorm.DB) []models.AccessToken {
	t.Helper()
	labels := []string{"Acme preview", "acme_preview", "ACME%", "Äcme", "äcme!", "acme", "Zebra", "", "7kqm", "a b"}
	emails := []string{"", "anna@example.com", "Anna@Example.com", "bob_b@example.com", "bobxb@example.com"}
	hints := []string{"", "7KQM", "ACME", "X2RD"}
	var rows []models.AccessToken
	for i := range 200 {
		row := models.AccessToken{
			Label: labels[i%len(labels)], Digest: models.DigestToken(fmt.Sprint(i)), Hint: hints[i%len(hints)],
			ForEmail: emails[i%7%len(emails)], Version: 1, CreatedAt: noon, UpdatedAt: noon,
			MaxUses: i % 3, UseCount: i % 2,
		}
		row.LabelKey, row.ForEmailKey = strings.ToLower(row.Label), strings.ToLower(row.ForEmail)
		if i%5 > 0 {
			at := noon.Add(time.Duration(i%11-5) * time.Hour)
			row.ExpiresAt = &at
		}
		if i%4 == 1 {
			at := noon.Add(-time.Duration(i%6) * time.Minute)
			row.DeactivatedAt = &at
		}
		rows = append(rows, row)
	}
	if err := db.CreateInBatches(&rows, 50).Error; err != nil {
		t.Fatal(err)
	}
	return rows
}

type tokenOrder func(a, b models.AccessToken) int

func end(t models.AccessToken) time.Time {
	if t.ExpiresAt == nil {
		return models.Never
	}
	return *t.ExpiresAt
}

var (
	newestFirst tokenOrder = func(a, b models.AccessToken) int { return cmp.Compare(b.ID, a.ID) }
	lastToEnd   tokenOrder = func(a, b models.AccessToken) int {
		return cmp.Or(end(b).Compare(end(a)), cmp.Compare(b.ID, a.ID))
	}
	lastDeactivated tokenOrder = func(a, b models.AccessToken) int {
		return cmp.Or(b.DeactivatedAt.Compare(*a.DeactivatedAt), cmp.Compare(b.ID, a.ID))
	}
	alphabetical tokenOrder = func(a, b models.AccessToken) int {
		return cmp.Or(cmp.Compare(a.LabelKey, b.LabelKey), cmp.Compare(a.ID, b.ID))
	}
	byAddress tokenOrder = func(a, b models.AccessToken) int {
		return cmp.Or(cmp.Compare(a.ForEmailKey, b.ForEmailKey), cmp.Compare(a.ID, b.ID))
	}
)

// tokenLists are filters, with the order that is documented for each and a
// plain rule for what belongs to the list.
var tokenLists = []struct {
	name    string
	filter  models.TokenFilter
	order   tokenOrder
	belongs func(models.AccessToken) bool
}{
	{"all", models.TokenFilter{}, newestFirst, func(models.AccessToken) bool { return true }},
	{"live", models.TokenFilter{Status: models.StatusLive}, lastToEnd, hasStatus(models.StatusLive)},
	{"used up", models.TokenFilter{Status: models.StatusUsedUp}, lastToEnd, hasStatus(models.StatusUsedUp)},
	{"expired", models.TokenFilter{Status: models.StatusExpired}, lastToEnd, hasStatus(models.StatusExpired)},
	{"deactivated", models.TokenFilter{Status: models.StatusDeactivated}, lastDeactivated, hasStatus(models.StatusDeactivated)},
	{"kept", models.TokenFilter{Kept: true}, lastToEnd, func(t models.AccessToken) bool { return t.Live(noon) }},
	{"search in any case", models.TokenFilter{Search: "ACME P"}, alphabetical, labelBegins("acme p")},
	{"search by a hint too", models.TokenFilter{Search: "acme"}, alphabetical, func(t models.AccessToken) bool {
		return labelBegins("acme")(t) || t.Hint == "ACME"
	}},
	{"search by a hint that is a label too", models.TokenFilter{Search: "7KQm"}, alphabetical, func(t models.AccessToken) bool {
		return labelBegins("7kqm")(t) || t.Hint == "7KQM"
	}},
	{"search with an umlaut", models.TokenFilter{Search: "ÄC"}, alphabetical, labelBegins("äc")},
	{"search with a wildcard of LIKE", models.TokenFilter{Search: "acme%"}, alphabetical, labelBegins("acme%")},
	{"search with the other wildcard", models.TokenFilter{Search: "acme_"}, alphabetical, labelBegins("acme_")},
	{"search for nothing that is there", models.TokenFilter{Search: "nothing"}, alphabetical, labelBegins("nothing")},
	{"search of white space", models.TokenFilter{Search: "  "}, newestFirst, func(models.AccessToken) bool { return true }},
	{"search by address", models.TokenFilter{Search: "ANNA@"}, byAddress, emailBegins("anna@")},
	{"search by address with a wildcard", models.TokenFilter{Search: "bob_b@"}, byAddress, emailBegins("bob_b@")},
	{"search among the live", models.TokenFilter{Search: "a", Status: models.StatusLive}, alphabetical, both(labelBegins("a"), hasStatus(models.StatusLive))},
	{"search among the expired by a hint", models.TokenFilter{Search: "x2rd", Status: models.StatusExpired}, alphabetical,
		both(func(t models.AccessToken) bool { return t.Hint == "X2RD" }, hasStatus(models.StatusExpired))},
	{"search by address among the deactivated", models.TokenFilter{Search: "anna@", Status: models.StatusDeactivated}, byAddress,
		both(emailBegins("anna@"), hasStatus(models.StatusDeactivated))},
}

func hasStatus(s models.Status) func(models.AccessToken) bool {
	return func(t models.AccessToken) bool { return t.Status(noon) == s }
}

func labelBegins(text string) func(models.AccessToken) bool {
	return func(t models.AccessToken) bool { return strings.HasPrefix(strings.ToLower(t.Label), text) }
}

func emailBegins(text string) func(models.AccessToken) bool {
	return func(t models.AccessToken) bool { return strings.HasPrefix(strings.ToLower(t.ForEmail), text) }
}

func both(a, b func(models.AccessToken) bool) func(models.AccessToken) bool {
	return func(t models.AccessToken) bool { return a(t) && b(t) }
}

func TestTokenLists(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		rows := assorted(t, db)
		for _, l := range tokenLists {
			t.Run(l.name, func(t *testing.T) {
				f := l.filter
				f.Now = noon
				belong := slices.DeleteFunc(slices.Clone(rows), func(row models.AccessToken) bool { return !l.belongs(row) })
				slices.SortFunc(belong, l.order)
				var want []uint
				for _, row := range belong {
					want = append(want, row.ID)
				}
				if len(want) == 0 && l.name != "search for nothing that is there" {
					t.Fatal("the case is empty")
				}
				checkTokenList(t, db, f, want)
			})
		}
	})
}

func checkTokenList(t *testing.T, db *gorm.DB, f models.TokenFilter, want []uint) {
	t.Helper()
	list := func(p models.Page) (models.Rows[models.AccessToken], error) {
		return models.ListAccessTokens(t.Context(), db, f, p)
	}
	checkPages(t, list, func(row models.AccessToken) uint { return row.ID }, want)
	var each []uint
	err := models.EachAccessToken(t.Context(), db, f, func(row models.AccessToken) error {
		each = append(each, row.ID)
		return nil
	})
	if err != nil || !slices.Equal(each, want) {
		t.Errorf("each gave %v, %v\nwant %v", each, err, want)
	}
	n, err := models.CountAccessTokens(t.Context(), db, f)
	if err != nil || n != int64(len(want)) {
		t.Errorf("counted %d, %v; want %d", n, err, len(want))
	}
	n, err = models.CountAccessTokensUpTo(t.Context(), db, f, 5)
	if err != nil || n != int64(min(5, len(want))) {
		t.Errorf("counted %d up to 5, %v; there are %d", n, err, len(want))
	}
}

// checkPages walks through a list in both directions.
func checkPages[T any](t *testing.T, list func(models.Page) (models.Rows[T], error), id func(T) uint, want []uint) {
	t.Helper()
	ids := func(rows []T) (ids []uint) {
		for _, row := range rows {
			ids = append(ids, id(row))
		}
		return ids
	}
	var forwards []uint
	page := models.Page{Size: 7}
	for first := true; ; first = false {
		rows, err := list(page)
		if err != nil {
			t.Fatal(err)
		}
		if rows.Newer == first {
			t.Errorf("first page %v, but newer %v", first, rows.Newer)
		}
		forwards = append(forwards, ids(rows.Rows)...)
		if !rows.Older {
			break
		}
		page.Before = id(rows.Rows[len(rows.Rows)-1])
	}
	if !slices.Equal(forwards, want) {
		t.Errorf("pages gave %v\nwant %v", forwards, want)
	}
	var backwards []uint
	page = models.Page{Size: 7, Last: true}
	for {
		rows, err := list(page)
		if err != nil {
			t.Fatal(err)
		}
		if rows.Older == page.Last {
			t.Errorf("last page %v, but older %v", page.Last, rows.Older)
		}
		backwards = append(ids(rows.Rows), backwards...)
		if !rows.Newer {
			break
		}
		page = models.Page{Size: 7, After: id(rows.Rows[0])}
	}
	if !slices.Equal(backwards, want) {
		t.Errorf("pages from the end gave %v\nwant %v", backwards, want)
	}
}

func TestTokensByExpiry(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		rows := assorted(t, db)
		for _, status := range []models.Status{"", models.StatusLive, models.StatusUsedUp, models.StatusExpired, models.StatusDeactivated} {
			for _, search := range []string{"", "acme", "anna@"} {
				f := models.TokenFilter{Status: status, Search: search, Now: noon}
				order := func(a, b models.AccessToken) int { return -lastToEnd(a, b) }
				if status == models.StatusExpired {
					order = lastToEnd
				}
				var want []uint
				for _, row := range slices.SortedFunc(slices.Values(rows), order) {
					found := search == "" || labelBegins(search)(row) || emailBegins(search)(row) || row.Hint == strings.ToUpper(search)
					if search == "anna@" {
						found = emailBegins(search)(row)
					}
					comes := row.ExpiresAt != nil && row.ExpiresAt.After(noon)
					if status == models.StatusExpired {
						comes = true
					}
					if found && comes && (status == "" || hasStatus(status)(row)) {
						want = append(want, row.ID)
					}
				}
				if got := byExpiry(t, db, f); !slices.Equal(got, want) {
					t.Errorf("%q, %q: got %v\nwant %v", status, search, got, want)
				}
			}
		}
	})
}

func byExpiry(t *testing.T, db *gorm.DB, f models.TokenFilter) (ids []uint) {
	t.Helper()
	var after *models.ExpiryCursor
	for {
		rows, more, err := models.ListAccessTokensByExpiry(t.Context(), db, f, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		if !more {
			return ids
		}
		last := rows[len(rows)-1]
		after = &models.ExpiryCursor{At: *last.ExpiresAt, ID: last.ID}
	}
}

func TestTokenListGoesOnWhenTheRowWasDeleted(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	rows := assorted(t, db)
	gone := rows[100].ID
	if err := models.DeleteAccessToken(t.Context(), db, gone); err != nil {
		t.Fatal(err)
	}
	list, err := models.ListAccessTokens(t.Context(), db, models.TokenFilter{}, models.Page{Before: gone, Size: 1})
	if err != nil || len(list.Rows) != 1 || list.Rows[0].ID != gone-1 {
		t.Errorf("by time: %v, %v; want the row before %d", list.Rows, err, gone)
	}
	list, err = models.ListAccessTokens(t.Context(), db, models.TokenFilter{Search: "a"}, models.Page{Before: gone, Size: 1})
	if err != nil || len(list.Rows) != 1 || list.Newer {
		t.Errorf("by label: %v, newer %v, %v; want the first page", list.Rows, list.Newer, err)
	}
}

func TestTokenListFollowsPlainSQL(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row, err := models.CreateAccessToken(t.Context(), db, models.NewAccessToken{Label: "by hand"})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			sql  string
			want models.Status
		}{
			{"UPDATE access_tokens SET use_count = 3, max_uses = 3", models.StatusUsedUp},
			{"UPDATE access_tokens SET expires_at = '2020-01-01 00:00:00'", models.StatusExpired},
			{"UPDATE access_tokens SET deactivated_at = '2020-01-01 00:00:00'", models.StatusDeactivated},
			{"UPDATE access_tokens SET deactivated_at = NULL, expires_at = NULL, max_uses = 0", models.StatusLive},
		} {
			if err := db.Exec(step.sql).Error; err != nil {
				t.Fatal(err)
			}
			list, err := models.ListAccessTokens(t.Context(), db, models.TokenFilter{Status: step.want}, models.Page{})
			if err != nil || len(list.Rows) != 1 || list.Rows[0].ID != row.ID {
				t.Errorf("%s: %v, %v", step.sql, list.Rows, err)
			}
		}
	})
}

func TestEachStopsAtAnError(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	assorted(t, db)
	n := 0
	err := models.EachAccessToken(t.Context(), db, models.TokenFilter{}, func(models.AccessToken) error {
		n++
		return context.Canceled
	})
	if err != context.Canceled || n != 1 {
		t.Errorf("%v after %d rows", err, n)
	}
}
