package models_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
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
			if err := fill(t.Context(), db, 2000, 4000); err != nil {
				t.Fatal(err)
			}
			for _, work := range growthWork(models.AccessToken{}) {
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
