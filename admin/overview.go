package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

const (
	latestEntries = 8      // listed on the overview
	mostCounted   = 10_000 // tokens of a kind; more would have to be waited for
)

type overviewView struct {
	view
	Live, Expiring, UsedUp string
	Any                    bool // there are tokens, or there were uses
	Chart                  chart
	Latest                 []useRow
}

// Entries is the table of the latest entries.
func (v overviewView) Entries() entriesTable { return entriesTable{Root: v.Root, Rows: v.Latest} }

func (a *admin) overview(c *gin.Context) error {
	ctx, now := c.Request.Context(), a.Now()
	counts, err := models.CountTokensByState(ctx, a.DB, now, now.Add(soon), mostCounted+1)
	if err != nil {
		return err
	}
	bounds := a.days()
	uses, err := a.past.count(ctx, a.DB, bounds, now)
	if err != nil {
		return err
	}
	latest, err := models.ListAccessTokenUses(ctx, a.DB, models.UseFilter{}, models.Page{Size: latestEntries})
	if err != nil {
		return err
	}
	any, err := models.ListAccessTokens(ctx, a.DB, models.TokenFilter{}, models.Page{Size: 1})
	if err != nil {
		return err
	}
	rows, err := a.useRows(ctx, latest.Rows)
	if err != nil {
		return err
	}
	a.write(c, http.StatusOK, "admin/overview.html", overviewView{
		view: a.view(c, "Overview"),
		Live: counted(counts.Live), Expiring: counted(counts.Expiring), UsedUp: counted(counts.UsedUp),
		Any: len(any.Rows) > 0 || len(rows) > 0, Chart: a.chart(bounds, uses), Latest: rows,
	})
	return nil
}

// counted is a number of tokens, of which no more than mostCounted were counted.
func counted(n int64) string {
	if n > mostCounted {
		return grouped(mostCounted) + "+"
	}
	return grouped(n)
}
