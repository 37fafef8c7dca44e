//go:build unix

package production_test

import (
	"sync"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// Instances that start at once on an empty database all come up, and one of
// them makes the first token.
func TestStartAtOnce(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			d := dbtest.New(t, kind)
			instances := make([]*instance, 6)
			var group sync.WaitGroup
			for n := range instances {
				group.Go(func() { instances[n] = launch(t, "-database", d.DSN) })
			}
			group.Wait()
			tokens := 0
			for _, i := range instances {
				if i.url == "" {
					t.Errorf("an instance did not start:\n%s", i.log.tail(5))
				}
				if i.token != "" {
					tokens++
				}
			}
			rows := must[models.Rows[models.AccessToken]](t)(models.ListAccessTokens(t.Context(), d.OpenAsTool(t), models.TokenFilter{}, models.Page{Size: 10}))
			if tokens != 1 || len(rows.Rows) != 1 {
				t.Errorf("%d tokens were printed and %d are in the database, want 1", tokens, len(rows.Rows))
			}
		})
	}
}
