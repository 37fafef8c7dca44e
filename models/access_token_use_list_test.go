package models_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

// manyUses writes uses that share tokens, addresses and times, and whose times
// do not rise with their IDs.
func manyUses(t *testing.T, db *gorm.DB) []models.AccessTokenUse {
	t.Helper()
	emails := []string{"", "anna@example.com", "Anna@Example.com", "anna@example.com.au", "bob_b@example.com", "bobxb@example.com"}
	var rows []models.AccessTokenUse
	for i := range 150 {
		email := emails[i%len(emails)]
		rows = append(rows, models.AccessTokenUse{
			Ref: fmt.Sprint("ref", i), TokenID: uint(i%3 + 1), Email: email, EmailKey: strings.ToLower(email), IP: fmt.Sprintf("10.0.0.%d", i%4),
			Channel: models.ChannelForm, At: noon.Add(time.Duration(i*7%31) * time.Minute),
		})
	}
	if err := db.CreateInBatches(&rows, 50).Error; err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestUseLists(t *testing.T) {
	t.Parallel()
	since, until := noon.Add(5*time.Minute), noon.Add(20*time.Minute)
	all := func(models.AccessTokenUse) bool { return true }
	lists := []struct {
		name    string
		filter  models.UseFilter
		belongs func(models.AccessTokenUse) bool
	}{
		{"all", models.UseFilter{}, all},
		{"a token", models.UseFilter{TokenID: 2}, func(u models.AccessTokenUse) bool { return u.TokenID == 2 }},
		{"an address", models.UseFilter{IP: " 10.0.0.3 "}, func(u models.AccessTokenUse) bool { return u.IP == "10.0.0.3" }},
		{"a time", models.UseFilter{Since: since, Until: until}, func(u models.AccessTokenUse) bool { return !u.At.Before(since) && u.At.Before(until) }},
		{"a token and a time", models.UseFilter{TokenID: 1, Since: since}, func(u models.AccessTokenUse) bool { return u.TokenID == 1 && !u.At.Before(since) }},
		{"a person", models.UseFilter{Person: "ANNA@example.com"}, func(u models.AccessTokenUse) bool { return strings.HasPrefix(u.EmailKey, "anna@example.com") }},
		{"persons", models.UseFilter{Person: "b"}, func(u models.AccessTokenUse) bool { return strings.HasPrefix(u.EmailKey, "b") }},
		{"a wildcard of LIKE", models.UseFilter{Person: "bob_"}, func(u models.AccessTokenUse) bool { return u.EmailKey == "bob_b@example.com" }},
		{"a person and a token", models.UseFilter{Person: "anna", TokenID: 2, IP: "10.0.0.1"}, func(u models.AccessTokenUse) bool {
			return strings.HasPrefix(u.EmailKey, "anna") && u.TokenID == 2 && u.IP == "10.0.0.1"
		}},
	}
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		rows := manyUses(t, db)
		for _, l := range lists {
			t.Run(l.name, func(t *testing.T) {
				belong := slices.DeleteFunc(slices.Clone(rows), func(u models.AccessTokenUse) bool { return !l.belongs(u) })
				slices.SortFunc(belong, func(a, b models.AccessTokenUse) int {
					newest := cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
					if l.filter.Person != "" {
						return cmp.Or(cmp.Compare(a.EmailKey, b.EmailKey), newest)
					}
					return newest
				})
				var want []uint
				for _, u := range belong {
					want = append(want, u.ID)
				}
				if len(want) == 0 {
					t.Fatal("the case is empty")
				}
				checkUseList(t, db, l.filter, want)
			})
		}
	})
}

func checkUseList(t *testing.T, db *gorm.DB, f models.UseFilter, want []uint) {
	t.Helper()
	list := func(p models.Page) (models.Rows[models.AccessTokenUse], error) {
		return models.ListAccessTokenUses(t.Context(), db, f, p)
	}
	checkPages(t, list, func(u models.AccessTokenUse) uint { return u.ID }, want)
	var each []uint
	err := models.EachAccessTokenUse(t.Context(), db, f, func(u models.AccessTokenUse) error {
		each = append(each, u.ID)
		return nil
	})
	if err != nil || !slices.Equal(each, want) {
		t.Errorf("each gave %v, %v\nwant %v", each, err, want)
	}
	if n, err := models.CountAccessTokenUses(t.Context(), db, f); err != nil || n != int64(len(want)) {
		t.Errorf("counted %d, %v; want %d", n, err, len(want))
	}
	if n, err := models.CountAccessTokenUsesUpTo(t.Context(), db, f, 3); err != nil || n != int64(min(3, len(want))) {
		t.Errorf("counted %d up to 3, %v", n, err)
	}
}

func TestEachGoesBeyondOnePageOfTheDatabase(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	var rows []models.AccessTokenUse
	for i := range 2001 {
		rows = append(rows, models.AccessTokenUse{Ref: fmt.Sprint(i), At: noon})
	}
	if err := db.CreateInBatches(&rows, 500).Error; err != nil {
		t.Fatal(err)
	}
	next := uint(2001)
	err := models.EachAccessTokenUse(t.Context(), db, models.UseFilter{}, func(u models.AccessTokenUse) error {
		if u.ID != next {
			return fmt.Errorf("got %d, want %d", u.ID, next)
		}
		next--
		return nil
	})
	if err != nil || next != 0 {
		t.Errorf("%v, %d are missing", err, next)
	}
	list, err := models.ListAccessTokenUses(t.Context(), db, models.UseFilter{}, models.Page{Size: 5000})
	if err != nil || len(list.Rows) != 1000 || !list.Older {
		t.Errorf("a page of 5000 has %d, %v", len(list.Rows), err)
	}
}

func TestUseListGoesOnWhereARowWasPurged(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	rows := manyUses(t, db)
	gone := rows[99]
	if err := db.Delete(&models.AccessTokenUse{}, gone.ID).Error; err != nil {
		t.Fatal(err)
	}
	list, err := models.ListAccessTokenUses(t.Context(), db, models.UseFilter{}, models.Page{Before: gone.ID})
	if err != nil || len(list.Rows) == 0 || !list.Newer || list.Rows[0].At.After(rows[98].At) {
		t.Errorf("newer %v, %d rows, %v", list.Newer, len(list.Rows), err)
	}
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		tokens, uses := assorted(t, db), manyUses(t, db)
		soon := noon.Add(3 * time.Hour)
		var want models.TokenCounts
		for _, row := range tokens {
			switch row.Status(noon) {
			case models.StatusLive:
				want.Live++
				if row.ExpiresAt != nil && !row.ExpiresAt.After(soon) {
					want.Expiring++
				}
			case models.StatusUsedUp:
				want.UsedUp++
			}
		}
		got, err := models.CountTokensByState(t.Context(), db, noon, soon, 1000)
		if err != nil || got != want || want.Expiring == 0 || want.UsedUp == 0 {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		bounds := []time.Time{noon, noon.Add(time.Minute), noon.Add(10 * time.Minute), noon.Add(time.Hour)}
		counts := make([]int64, 3)
		for _, u := range uses {
			for i := range counts {
				if !u.At.Before(bounds[i]) && u.At.Before(bounds[i+1]) {
					counts[i]++
				}
			}
		}
		if got, err := models.CountUsesBetween(t.Context(), db, bounds); err != nil || !slices.Equal(got, counts) {
			t.Errorf("%v, %v; want %v", got, err, counts)
		}
		if got, err := models.CountUsesBetween(t.Context(), db, bounds[:1]); err != nil || got != nil {
			t.Errorf("one bound: %v, %v", got, err)
		}
		latest, err := models.LatestAccessTokenUses(t.Context(), db, 2, 4)
		if err != nil || len(latest) != 4 || latest[0].TokenID != 2 || latest[0].At.Before(latest[3].At) {
			t.Errorf("%+v, %v", latest, err)
		}
	})
}
