package models_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/internal/growth"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// sorted are the lists whose few rows are found by one index and then sorted.
var sorted = map[string]bool{"tokens-search-hint": true}

// TestListsFollowAnIndex asks the databases how they read the pages that
// BenchmarkGrowth measures: never the whole table, and never all rows to sort
// them.
func TestListsFollowAnIndex(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct {
		settings, explain string
		bad               []string
	}{
		// Without these settings PostgreSQL reads small tables whole.
		"postgres": {"&enable_seqscan=off&enable_sort=off&enable_bitmapscan=off&enable_incremental_sort=off", "EXPLAIN ", []string{"Seq Scan", "Sort Key"}},
		"sqlite":   {"", "EXPLAIN QUERY PLAN ", []string{"SCAN access_tokens\n", "SCAN access_token_uses\n", "TEMP B-TREE"}},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t, kind)
			d.DSN += c.settings
			db := d.Open(t)
			if err := models.Migrate(db); err != nil {
				t.Fatal(err)
			}
			if err := growth.Fill(t.Context(), db, 2000, 4000); err != nil {
				t.Fatal(err)
			}
			for _, work := range growthWork() {
				if work.name == "token-enter" || work.name == "token-find" || strings.Contains(work.name, "count") {
					continue
				}
				r := &recorder{Interface: logger.Discard}
				if err := work.run(t.Context(), db.Session(&gorm.Session{Logger: r})); err != nil {
					t.Fatalf("%s: %v", work.name, err)
				}
				for _, statement := range r.statements {
					plan := explain(t, db, c.explain+statement)
					if strings.Contains(work.name, "-token-") && !strings.Contains(plan, "uses_by_token") {
						t.Errorf("%s: not by the token's index: %s\n%s", work.name, statement, plan)
					}
					for _, bad := range c.bad {
						if strings.Contains(plan, bad) && !(sorted[work.name] && (bad == "TEMP B-TREE" || bad == "Sort Key")) {
							t.Errorf("%s: %s\n%s", work.name, statement, plan)
						}
					}
				}
			}
		})
	}
}

func explain(t *testing.T, db *gorm.DB, statement string) string {
	t.Helper()
	rows, err := db.Raw(statement).Rows()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		texts := make([]any, len(columns))
		for i := range texts {
			texts[i] = new(any)
		}
		if err := rows.Scan(texts...); err != nil {
			t.Fatal(err)
		}
		last := *texts[len(texts)-1].(*any)
		switch text := last.(type) {
		case []byte:
			plan.Write(text)
		case string:
			plan.WriteString(text)
		}
		plan.WriteString("\n")
	}
	return plan.String()
}

// MariaDB reads the whole table where a column is compared with a time that
// has more digits than it keeps.
func TestTimesAreComparedInMilliseconds(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	_, row := create(t, db, models.NewAccessToken{})
	seen := 0
	look := func(tx *gorm.DB) {
		for _, v := range tx.Statement.Vars {
			if p, ok := v.(*time.Time); ok && p != nil {
				v = *p
			}
			if at, ok := v.(time.Time); ok {
				seen++
				if !at.Equal(at.Truncate(time.Millisecond)) || at.Location() != time.UTC {
					t.Errorf("%v in %s", at, tx.Statement.SQL.String())
				}
			}
		}
	}
	calls := db.Callback()
	for _, err := range []error{
		calls.Query().After("gorm:query").Register("look", look), calls.Row().After("gorm:row").Register("look", look),
		calls.Create().After("gorm:create").Register("look", look), calls.Update().After("gorm:update").Register("look", look),
		calls.Delete().After("gorm:delete").Register("look", look),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 11, 22, 15, 0, 0, 123_456_789, time.FixedZone("", 3600))
	ctx := t.Context()
	use := models.UseFilter{Since: at.Add(-time.Hour), Until: at}
	_, errEntry := models.RecordEntry(ctx, db, row, models.NewPassRef(), models.NewAccessTokenUse{At: time.Now().Truncate(time.Hour).Add(1)})
	_, errUses := models.ListAccessTokenUses(ctx, db, use, models.Page{})
	_, errCount := models.CountAccessTokenUses(ctx, db, use)
	_, errEnded := models.ListEndedUses(ctx, db, at)
	_, errPurge := models.PurgeAccessTokenUses(ctx, db, at, nil)
	_, errForget := models.ForgetPerson(ctx, db, "anna@example.com")
	_, errStats := models.CountTokensByState(ctx, db, at, at.Add(1), 10)
	_, errBetween := models.CountUsesBetween(ctx, db, []time.Time{at, at.Add(1)})
	_, _, errExpiry := models.ListAccessTokensByExpiry(ctx, db, models.TokenFilter{Now: at}, &models.ExpiryCursor{At: at, ID: 1}, 0)
	_, errCreate := models.ExtendAccessTokens(ctx, db, []uint{row.ID}, 1)
	err := errors.Join(errEntry, errUses, errCount, errEnded, errPurge, errForget, errStats, errBetween, errExpiry, errCreate,
		models.MarkUsesSeen(ctx, db, []uint{1}, at), models.EndAccessTokenUse(ctx, db, 1),
		models.ExtendAccessToken(ctx, db, row.ID, time.Now().Add(time.Hour+1)), models.DeactivateAccessToken(ctx, db, row.ID))
	if err != nil {
		t.Error(err)
	}
	for _, status := range []models.Status{models.StatusLive, models.StatusUsedUp, models.StatusExpired} {
		for _, search := range []string{"", "a"} {
			if _, err := models.ListAccessTokens(ctx, db, models.TokenFilter{Status: status, Search: search, Now: at}, models.Page{}); err != nil {
				t.Error(err)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d times were seen", seen)
	}
}
