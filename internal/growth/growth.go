// Package growth tells whether something takes longer when there is more data:
// it fills databases of several sizes and measures the same work on each of
// them.
//
//	PERIMETER_GROWTH="1000 1000000" go test ./models -run '^$' -bench Growth -benchtime 100x -timeout 2h
//
// PERIMETER_GROWTH has the numbers of tokens, "1000" by default. There are ten
// uses for every token, or PERIMETER_GROWTH_USES in all at most.
// PERIMETER_GROWTH_DATABASES names the kinds, "sqlite postgres mysql" by
// default.
package growth

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// Table is a database that was filled.
type Table struct {
	Tokens int
	DB     *gorm.DB
	Token  string // a live token that may be entered
}

// Kinds are the databases to measure on.
func Kinds() []string { return words("PERIMETER_GROWTH_DATABASES", "sqlite postgres mysql") }

// Tables fills a database of one kind for every size.
func Tables(b *testing.B, kind string) (tables []Table) {
	b.Helper()
	most := numbers(b, "PERIMETER_GROWTH_USES", "10000000")[0]
	for _, size := range numbers(b, "PERIMETER_GROWTH", "1000") {
		tables = append(tables, newTable(b, kind, size, min(10*size, most)))
	}
	return tables
}

func newTable(b *testing.B, kind string, tokens, uses int) Table {
	b.Helper()
	db := dbtest.New(b, kind).Open(b)
	if err := models.Migrate(db); err != nil {
		b.Fatal(err)
	}
	if err := Fill(b.Context(), db, tokens, uses); err != nil {
		b.Fatal(err)
	}
	text, _, err := models.CreateAccessToken(b.Context(), db, models.NewAccessToken{Label: "entered", Token: "the one that is entered"})
	if err != nil {
		b.Fatal(err)
	}
	return Table{Tokens: tokens, DB: db, Token: text}
}

// InTurn asks the tables in turn, so that what else the machine does falls on
// all alike, and reports the median of each and the ratio of the last to the
// first.
func InTurn(b *testing.B, tables []Table, work func(context.Context, Table) error) {
	took := make([][]time.Duration, len(tables))
	for b.Loop() {
		for i, table := range tables {
			begin := time.Now()
			if err := work(b.Context(), table); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(begin))
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all sizes says nothing
	var medians []float64
	for i, table := range tables {
		slices.Sort(took[i])
		medians = append(medians, float64(took[i][len(took[i])/2].Nanoseconds())/1000)
		b.ReportMetric(medians[i], fmt.Sprintf("µs/%d", table.Tokens))
	}
	b.ReportMetric(medians[len(medians)-1]/medians[0], "ratio")
}

func numbers(b *testing.B, variable, standard string) (all []int) {
	b.Helper()
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
