package models_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

// BenchmarkGrowth measures what the gate and the admin pages ask of the
// database, on tables of several sizes:
//
//	PERIMETER_GROWTH="1000 1000000" go test -run - -bench Growth -benchtime 200x -timeout 2h ./models
//
// It asks the sizes in turn and reports the median of each, and the ratio of
// the last to the first: what else the machine does falls on all alike. There
// are ten uses for every token, or PERIMETER_GROWTH_USES in all at most.
// PERIMETER_GROWTH_DATABASES names the kinds, "sqlite postgres mysql" by
// default.
func BenchmarkGrowth(b *testing.B) {
	sizes, most := numbers(b, "PERIMETER_GROWTH", "1000"), numbers(b, "PERIMETER_GROWTH_USES", "10000000")[0]
	for _, kind := range words("PERIMETER_GROWTH_DATABASES", "sqlite postgres mysql") {
		b.Run(kind, func(b *testing.B) {
			var tables []grown
			for _, size := range sizes {
				tables = append(tables, grow(b, kind, size, min(10*size, most)))
			}
			for i, work := range tables[0].work {
				b.Run(work.name, func(b *testing.B) { inTurn(b, tables, i) })
			}
		})
	}
}

// grown is a filled database and what to ask of it.
type grown struct {
	tokens int
	db     *gorm.DB
	work   []growing
}

func grow(b *testing.B, kind string, tokens, uses int) grown {
	db := dbtest.New(b, kind).Open(b)
	if err := models.Migrate(db); err != nil {
		b.Fatal(err)
	}
	if err := fill(b.Context(), db, tokens, uses); err != nil {
		b.Fatal(err)
	}
	_, row, err := models.CreateAccessToken(b.Context(), db, models.NewAccessToken{Label: "entered", Token: "the one that is entered"})
	if err != nil {
		b.Fatal(err)
	}
	return grown{tokens, db, growthWork(row)}
}

func inTurn(b *testing.B, tables []grown, work int) {
	took := make([][]time.Duration, len(tables))
	for b.Loop() {
		for i, g := range tables {
			begin := time.Now()
			if err := g.work[work].run(b.Context(), g.db); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(begin))
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all sizes says nothing
	var medians []float64
	for i, g := range tables {
		slices.Sort(took[i])
		medians = append(medians, float64(took[i][len(took[i])/2].Microseconds()))
		b.ReportMetric(medians[i], fmt.Sprintf("µs/%d", g.tokens))
	}
	b.ReportMetric(medians[len(medians)-1]/medians[0], "ratio")
}

func numbers(b *testing.B, variable, standard string) (all []int) {
	for _, word := range words(variable, standard) {
		n, err := strconv.Atoi(word)
		if err != nil {
			b.Fatalf("%s holds numbers, such as %s", variable, standard)
		}
		all = append(all, n)
	}
	return all
}

func words(variable, standard string) []string {
	if text := os.Getenv(variable); text != "" {
		return strings.Fields(text)
	}
	return strings.Fields(standard)
}

type growing struct {
	name string
	run  func(ctx context.Context, db *gorm.DB) error
}

func growthWork(entered models.AccessToken) []growing {
	now := time.Now()
	tokens := func(f models.TokenFilter, p models.Page) func(context.Context, *gorm.DB) error {
		f.Now = now
		return func(ctx context.Context, db *gorm.DB) error {
			rows, err := models.ListAccessTokens(ctx, db, f, p)
			return filled(len(rows.Rows), err)
		}
	}
	uses := func(f models.UseFilter, p models.Page) func(context.Context, *gorm.DB) error {
		return func(ctx context.Context, db *gorm.DB) error {
			rows, err := models.ListAccessTokenUses(ctx, db, f, p)
			return filled(len(rows.Rows), err)
		}
	}
	first, last, middle := models.Page{}, models.Page{Last: true}, models.Page{Before: 500}
	return []growing{
		{"token-find", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.FindAccessToken(ctx, db, "the one that is entered")
			return err
		}},
		{"token-enter", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.RecordEntry(ctx, db, entered, models.NewPassRef(), models.NewAccessTokenUse{
				Name: "Anna", Email: "anna@example.com", IP: "192.0.2.1", At: time.Now(),
			})
			return err
		}},
		{"tokens-first", tokens(models.TokenFilter{}, first)},
		{"tokens-last", tokens(models.TokenFilter{}, last)},
		{"tokens-middle", tokens(models.TokenFilter{}, middle)},
		{"tokens-live-first", tokens(models.TokenFilter{Status: models.StatusLive}, first)},
		{"tokens-live-last", tokens(models.TokenFilter{Status: models.StatusLive}, last)},
		{"tokens-usedup-first", tokens(models.TokenFilter{Status: models.StatusUsedUp}, first)},
		{"tokens-expired-first", tokens(models.TokenFilter{Status: models.StatusExpired}, first)},
		{"tokens-expired-middle", tokens(models.TokenFilter{Status: models.StatusExpired}, middle)},
		{"tokens-expired-last", tokens(models.TokenFilter{Status: models.StatusExpired}, last)},
		{"tokens-deactivated-first", tokens(models.TokenFilter{Status: models.StatusDeactivated}, first)},
		{"tokens-deactivated-last", tokens(models.TokenFilter{Status: models.StatusDeactivated}, last)},
		{"tokens-search-narrow", tokens(models.TokenFilter{Search: "customer 0000001"}, first)},
		{"tokens-search-broad-first", tokens(models.TokenFilter{Search: "customer"}, first)},
		{"tokens-search-broad-middle", tokens(models.TokenFilter{Search: "customer"}, middle)},
		{"tokens-search-broad-last", tokens(models.TokenFilter{Search: "customer"}, last)},
		{"tokens-search-hint", tokens(models.TokenFilter{Search: "0007"}, first)},
		{"tokens-search-email", tokens(models.TokenFilter{Search: "person5@"}, first)},
		{"tokens-search-live", tokens(models.TokenFilter{Search: "customer 000000", Status: models.StatusLive}, first)},
		{"tokens-search-deactivated", tokens(models.TokenFilter{Search: "customer 000", Status: models.StatusDeactivated}, first)},
		{"tokens-by-expiry", func(ctx context.Context, db *gorm.DB) error {
			rows, _, err := models.ListAccessTokensByExpiry(ctx, db, models.TokenFilter{Now: now}, nil, 0)
			return filled(len(rows), err)
		}},
		{"tokens-count-by-state", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.CountTokensByState(ctx, db, now, now.Add(7*24*time.Hour))
			return err
		}},
		{"uses-first", uses(models.UseFilter{}, first)},
		{"uses-last", uses(models.UseFilter{}, last)},
		{"uses-middle", uses(models.UseFilter{}, middle)},
		{"uses-busy-token-first", uses(models.UseFilter{TokenID: 1}, first)},
		{"uses-busy-token-last", uses(models.UseFilter{TokenID: 1}, last)},
		{"uses-old-token-first", uses(models.UseFilter{TokenID: 2}, first)},
		{"uses-rare-token-first", uses(models.UseFilter{TokenID: 3}, first)},
		{"uses-busy-token-since", uses(models.UseFilter{TokenID: 1, Since: now.Add(-time.Hour)}, last)},
		{"uses-person", uses(models.UseFilter{Person: "person7@example.com"}, first)},
		{"uses-person-prefix", uses(models.UseFilter{Person: "person"}, first)},
		{"uses-person-prefix-last", uses(models.UseFilter{Person: "person"}, last)},
		{"uses-address", uses(models.UseFilter{IP: "10.0.0.7"}, first)},
		{"uses-since", uses(models.UseFilter{Since: now.Add(-time.Hour)}, last)},
		{"uses-ended", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.ListEndedUses(ctx, db, now.Add(-10*time.Second))
			return err
		}},
		{"uses-count-capped", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.CountAccessTokenUsesUpTo(ctx, db, models.UseFilter{}, 1000)
			return err
		}},
	}
}

func filled(rows int, err error) error {
	if err == nil && rows == 0 {
		return fmt.Errorf("the page is empty")
	}
	return err
}

// fill writes many rows fast: a thousand a statement. Nearly all tokens are
// expired, deactivated or used up, and the few live ones are the oldest: the
// hardest case for a list of what is live. A fifth of the uses are of token 1,
// and the first tenth of token 2, which was not used since.
func fill(ctx context.Context, db *gorm.DB, tokens, uses int) error {
	now := time.Now().UTC().Truncate(time.Second)
	stamp := func(at time.Time) string {
		if db.Name() == "sqlite" {
			return at.Format("'2006-01-02 15:04:05.999-07:00'")
		}
		return at.Format("'2006-01-02 15:04:05.000'")
	}
	token := func(i int) string {
		expires, deactivated, max := stamp(now.Add(-time.Duration(i)*time.Second)), "NULL", 0
		switch {
		case i <= 100:
			expires = stamp(now.Add(time.Duration(i) * time.Hour))
		case i%10 < 2:
			deactivated = stamp(now.Add(-time.Duration(i) * time.Second))
		case i%10 < 4:
			expires, max = stamp(now.Add(time.Duration(i)*time.Second+time.Hour)), 1
		}
		return fmt.Sprintf("('Customer %07d','customer %07d','%064d','%s',%s,%s,%d,1,'','','person%d@example.com','me',1,%s,%s)",
			i, i, i, hint(i), expires, deactivated, max, i, stamp(now), stamp(now))
	}
	err := fillTable(ctx, db, "access_tokens (label,label_key,digest,hint,expires_at,deactivated_at,max_uses,use_count,for_name,for_email,for_email_key,created_by,version,created_at,updated_at)", tokens, token)
	if err != nil {
		return err
	}
	use := func(i int) string {
		id := 1
		switch {
		case i <= uses/10:
			id = 2
		case i%5 > 0:
			id = 3 + i%(tokens-2)
		}
		at := now.Add(time.Duration(i-uses) * time.Second)
		return fmt.Sprintf("('r%d',%d,'','Customer','Anna','person%d@example.com','person%d@example.com','10.0.0.%d','Browser','form',%s)",
			i, id, i%100, i%100, i%100, stamp(at))
	}
	err = fillTable(ctx, db, "access_token_uses (ref,token_id,token_check,token_label,name,email,email_key,ip,user_agent,channel,at)", uses, use)
	if err != nil {
		return err
	}
	if db.Name() == "mysql" {
		return db.WithContext(ctx).Exec("ANALYZE TABLE access_tokens, access_token_uses").Error
	}
	return db.WithContext(ctx).Exec(map[string]string{"postgres": "VACUUM ANALYZE", "sqlite": "PRAGMA wal_checkpoint(TRUNCATE)"}[db.Name()]).Error
}

// hint differs for a million tokens, as real ones nearly do.
func hint(i int) string {
	text := "000" + strings.ToUpper(strconv.FormatInt(int64(i), 36))
	return text[len(text)-4:]
}

func fillTable(ctx context.Context, db *gorm.DB, table string, n int, row func(int) string) error {
	const perStatement, perTransaction = 1000, 100_000
	for from := 1; from <= n; from += perTransaction {
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			for i := from; i < min(from+perTransaction, n+1); i += perStatement {
				var rows []string
				for j := i; j < min(i+perStatement, from+perTransaction, n+1); j++ {
					rows = append(rows, row(j))
				}
				if err := tx.Exec("INSERT INTO " + table + " VALUES " + strings.Join(rows, ",")).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
