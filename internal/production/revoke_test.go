//go:build unix

package production_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// revocation is one way to end or bring back what a visitor has, from outside
// of the instance that he visits.
type revocation struct {
	name  string
	done  bool // the token starts deactivated or expired, and is brought back
	start func(c *cluster, t *testing.T, id uint)
	act   func(c *cluster, t *testing.T, id uint, b *browser)
}

func sql(statement string) func(*cluster, *testing.T, uint, *browser) {
	return func(c *cluster, t *testing.T, id uint, _ *browser) { c.exec(t, statement, id) }
}

func (c *cluster) exec(t *testing.T, statement string, id uint) {
	t.Helper()
	result := c.db.Exec(statement, id)
	if result.Error != nil || result.RowsAffected == 0 {
		t.Errorf("%s: %v, %d rows", statement, result.Error, result.RowsAffected)
	}
}

func byTool(args ...string) func(*cluster, *testing.T, uint, *browser) {
	return func(c *cluster, t *testing.T, id uint, _ *browser) {
		program := must[string](t)(tool())
		words := append([]string{"--database", c.dsn}, args...)
		words = append(words, strconv.Itoa(int(id)))
		if words[3] == "delete" {
			words = append(words, "--yes")
		}
		if words[3] == "extend" {
			words = append(words, "--expires", "30d")
		}
		if out, err := exec.Command(program, words...).CombinedOutput(); err != nil {
			t.Errorf("perimeter %v: %v: %s", args, err, out)
		}
	}
}

func byModels(change func(context.Context, *gorm.DB, uint) error) func(*cluster, *testing.T, uint, *browser) {
	return func(c *cluster, t *testing.T, id uint, _ *browser) {
		if err := change(context.Background(), c.db, id); err != nil {
			t.Error(err)
		}
	}
}

// revocations are all ways there are.
var revocations = []revocation{
	{name: "tool: deactivate", act: byTool("token", "deactivate")},
	{name: "tool: delete", act: byTool("token", "delete")},
	{name: "SQL: deactivated_at set", act: sql("UPDATE access_tokens SET deactivated_at = created_at WHERE id = ?")},
	{name: "SQL: expires_at in the past", act: sql("UPDATE access_tokens SET expires_at = created_at WHERE id = ?")},
	{name: "SQL: token deleted", act: sql("DELETE FROM access_tokens WHERE id = ?")},
	{name: "SQL: pass ended", act: func(c *cluster, t *testing.T, id uint, _ *browser) {
		c.exec(t, "UPDATE access_token_uses SET ended_at = CURRENT_TIMESTAMP WHERE token_id = ?", id)
	}},
	{name: "models: pass ended", act: func(c *cluster, t *testing.T, id uint, _ *browser) {
		use := models.AccessTokenUse{}
		if err := c.db.Where("token_id = ?", id).First(&use).Error; err != nil {
			t.Error(err)
		}
		if err := models.EndAccessTokenUse(context.Background(), c.db, use.ID); err != nil {
			t.Error(err)
		}
	}},
	{name: "left on one instance", act: func(c *cluster, t *testing.T, _ uint, b *browser) {
		b.do(http.MethodPost, c.instances[0].url+"/perimeter/leave", nil).want(t, http.StatusSeeOther, "leaving")
	}},
	{
		name: "tool: activate", done: true, act: byTool("token", "activate"),
		start: func(c *cluster, t *testing.T, id uint) {
			byModels(models.DeactivateAccessToken)(c, t, id, nil)
		},
	},
	{
		name: "tool: extend", done: true, act: byTool("token", "extend"),
		start: func(c *cluster, t *testing.T, id uint) {
			c.exec(t, "UPDATE access_tokens SET expires_at = created_at WHERE id = ?", id)
		},
	},
	{
		name: "SQL: reactivated", done: true, act: sql("UPDATE access_tokens SET deactivated_at = NULL WHERE id = ?"),
		start: func(c *cluster, t *testing.T, id uint) {
			c.exec(t, "UPDATE access_tokens SET deactivated_at = created_at WHERE id = ?", id)
		},
	},
}

// Every way to revoke or bring back reaches every instance within 5 seconds,
// whether the site is quiet or busy.
func TestRevocationReachesEveryInstance(t *testing.T) {
	long(t)
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			c := newCluster(t, kind, 3)
			t.Run("at rest", func(t *testing.T) { c.revokeAll(t, rounds()) })
			t.Run("under load", func(t *testing.T) {
				token, _ := newToken(t, c.db, models.NewAccessToken{Label: "load"})
				var browsers []*browser
				for range 16 {
					browsers = append(browsers, inside(t, c.balancer.URL, token))
				}
				others := newLoad(t, c.balancer.URL+"/report/", 0, browsers...)
				began := time.Now()
				c.revokeAll(t, rounds())
				others.end()
				count := others.since()
				wantOnly(t, count, "others meanwhile", "200")
				t.Logf("load meanwhile: %.0f requests a second", float64(total(count))/time.Since(began).Seconds())
			})
		})
	}
}

// rounds is how often each change is made.
func rounds() int {
	if os.Getenv("PERIMETER_TEST_LONG") != "" {
		return 3
	}
	return 1
}

// limit is what is promised.
const limit = 5 * time.Second

func (c *cluster) revokeAll(t *testing.T, rounds int) {
	var mu sync.Mutex
	times := map[string][]time.Duration{}
	var group sync.WaitGroup
	for n, r := range revocations {
		group.Go(func() {
			time.Sleep(time.Duration(n) * 70 * time.Millisecond) // not all at the same point between two reloads
			for range rounds {
				took := c.revoke(t, r)
				mu.Lock()
				times[r.name] = append(times[r.name], took...)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	var all []time.Duration
	for _, r := range revocations {
		took := times[r.name]
		if len(took) == 0 {
			continue
		}
		all = append(all, took...)
		slices.Sort(took)
		t.Logf("%-28s median %.1f s, max %.1f s", r.name, took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
	}
	slices.Sort(all)
	t.Logf("%d times in all: median %.1f s, max %.1f s", len(all), all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
}

// revoke answers how long each instance took.
func (c *cluster) revoke(t *testing.T, r revocation) []time.Duration {
	token, row := newToken(t, c.db, models.NewAccessToken{Label: r.name})
	b := inside(t, c.instances[0].url, token)
	for _, i := range c.instances {
		b.get(i.url+"/api/status").want(t, http.StatusOK, r.name+", before")
	}
	before, after := http.StatusOK, http.StatusFound
	if r.done {
		before, after = after, before
		r.start(c, t, row.ID)
		for _, i := range c.instances {
			eventually(t, limit, "it is out", func() bool { return b.copied(i.url).get(i.url+"/api/status").status == before })
		}
	}
	thieves := make([]*browser, len(c.instances))
	for n, i := range c.instances {
		thieves[n] = b.copied(i.url)
	}
	r.act(c, t, row.ID, b)
	began := time.Now()
	took := make([]time.Duration, len(c.instances))
	var group sync.WaitGroup
	for n, i := range c.instances {
		group.Go(func() { took[n] = c.lastAnswer(t, thieves[n], i, r.name, before, after, began) })
	}
	group.Wait()
	return took
}

// lastAnswer watches an instance until it has gone over from one answer to the
// other, and 300 ms longer. It answers when the last old answer was asked for.
func (c *cluster) lastAnswer(t *testing.T, b *browser, i *instance, name string, before, after int, began time.Time) time.Duration {
	last, first := time.Duration(0), time.Duration(-1)
	for first < 0 || time.Since(began) < first+300*time.Millisecond {
		asked := time.Since(began)
		a, err := b.try(http.MethodGet, i.url+"/api/status", nil)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
			return asked
		case a.status == before:
			last = asked
		case a.status == after && first < 0:
			first = asked
		case a.status != after:
			t.Errorf("%s: answered %d, want %d or %d", name, a.status, before, after)
		}
		if asked > limit+2*time.Second {
			t.Errorf("%s: still %d on %s after %v", name, a.status, i.url, asked)
			return asked
		}
		time.Sleep(25 * time.Millisecond)
	}
	if last > limit {
		t.Errorf("%s: %s answered %d to a request made %v after the change, want at most %v", name, i.url, before, last, limit)
	}
	return last
}
