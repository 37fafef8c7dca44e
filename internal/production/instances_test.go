//go:build unix

package production_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// cluster is several instances on one database and one Redis, behind a
// balancer.
type cluster struct {
	db        *gorm.DB // as another program has it
	dsn       string
	redis     *redisServer
	instances []*instance
	balancer  *balancer
}

func newCluster(t *testing.T, kind string, size int) *cluster {
	t.Helper()
	d, db := newDatabase(t, kind)
	c := &cluster{db: db, dsn: d.DSN, redis: startRedis(t)}
	for range size {
		c.instances = append(c.instances, c.start(t))
	}
	c.balancer = newBalancer(t, c.instances...)
	return c
}

func (c *cluster) start(t *testing.T) *instance {
	t.Helper()
	return start(t, "-database", c.dsn, "-redis", c.redis.address)
}

// eachServer runs a test on a cluster of three instances on both servers.
func eachServer(t *testing.T, run func(t *testing.T, c *cluster)) {
	t.Helper()
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) { run(t, newCluster(t, kind, 3)) })
	}
}

func TestInstancesShareWhatTheyKnow(t *testing.T) {
	eachServer(t, func(t *testing.T, c *cluster) {
		token, row := newToken(t, c.db, models.NewAccessToken{Label: "shared"})

		t.Run("entering on one works on all", func(t *testing.T) {
			b := inside(t, c.instances[0].url, token)
			for _, i := range c.instances {
				b.get(i.url+"/api/status").want(t, http.StatusOK, "on "+i.url)
			}
			for range 6 {
				b.get(c.balancer.URL+"/report/").want(t, http.StatusOK, "through the balancer")
			}
			wantCounts(t, c.db, row.ID, 1)
		})

		t.Run("form on one, entry on another", func(t *testing.T) {
			for range 3 {
				newBrowser(t).enter(c.balancer.URL, token).want(t, http.StatusSeeOther, "entering through the balancer")
			}
		})

		t.Run("a link signed by one opens its page on all", func(t *testing.T) {
			for _, signer := range c.instances {
				link := path(t, signer.viewpass)
				for _, i := range c.instances {
					newBrowser(t).get(i.url+link).want(t, http.StatusOK, "a link of "+signer.url+" on "+i.url)
					newBrowser(t).get(i.url+link+"x").want(t, http.StatusFound, "the link, damaged")
				}
			}
		})

		t.Run("no more entries than max uses", func(t *testing.T) { maxUses(t, c) })
		t.Run("attempt limits are shared", func(t *testing.T) { sharedLimits(t, c) })
	})
}

func maxUses(t *testing.T, c *cluster) {
	const most, people = 20, 120
	token, row := newToken(t, c.db, models.NewAccessToken{Label: "limited", MaxUses: most})
	var entered, turnedAway atomic.Int64
	var group sync.WaitGroup
	for n := range people {
		group.Go(func() {
			form := post(token)
			form.Set("email", "visitor"+strconv.Itoa(n)+"@example.com")
			a, err := newBrowser(t).try(http.MethodPost, c.balancer.URL+gateway, form)
			switch {
			case err != nil:
				t.Error(err)
			case a.status == http.StatusSeeOther:
				entered.Add(1)
			case a.status == http.StatusUnprocessableEntity && strings.Contains(a.body, "as often as it allows"):
				turnedAway.Add(1)
			default:
				t.Errorf("an entry was answered %d: %.200q", a.status, a.body)
			}
		})
	}
	group.Wait()
	if entered.Load() != most || turnedAway.Load() != people-most {
		t.Errorf("%d entered and %d were turned away, want %d and %d", entered.Load(), turnedAway.Load(), most, people-most)
	}
	wantCounts(t, c.db, row.ID, most)
}

func sharedLimits(t *testing.T, c *cluster) {
	form := post("not-the-token-at-all")
	for n := range 10 {
		i := c.instances[n%len(c.instances)]
		newBrowser(t).do(http.MethodPost, i.url+gateway, form).want(t, http.StatusUnprocessableEntity, "wrong token "+strconv.Itoa(n+1))
	}
	for _, i := range c.instances {
		a := newBrowser(t).do(http.MethodPost, i.url+gateway, form).want(t, http.StatusTooManyRequests, "the 11th wrong token")
		if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 {
			t.Errorf("Retry-After is %q, want seconds", a.header.Get("Retry-After"))
		}
	}
	token, _ := newToken(t, c.db, models.NewAccessToken{Label: "beyond the limit"})
	inside(t, c.instances[1].url, token) // nobody with a token is locked out
}

// A rolling restart: each instance is taken out of the balancer, stopped, and
// its successor put in, while visitors go on reading and entering.
func TestRollingRestartDropsNothing(t *testing.T) {
	long(t)
	c := newCluster(t, "postgres", 3)
	token, row := newToken(t, c.db, models.NewAccessToken{Label: "restart"})
	var browsers []*browser
	for range 8 {
		browsers = append(browsers, inside(t, c.balancer.URL, token))
	}
	reading := newLoad(t, c.balancer.URL+"/report/", time.Millisecond, browsers...)
	entering := enterAll(t, c.balancer.URL, token, 4)
	time.Sleep(time.Second)
	for n, old := range c.instances {
		c.balancer.add(c.start(t))
		c.balancer.remove(old)
		// a request that the balancer is about to send on a connection that the
		// instance closes would be lost between the two, not by the instance
		time.Sleep(300 * time.Millisecond)
		old.stop(t)
		t.Logf("instance %d replaced: %s", n+1, tell(reading.since()))
		time.Sleep(500 * time.Millisecond)
	}
	entering.end()
	reading.end()
	wantOnly(t, reading.since(), "reading after the restarts", "200")
	entered := entering.since()
	wantOnly(t, entered, "entering during the restarts", "303")
	wantCounts(t, c.db, row.ID, len(browsers)+entered["303"])
	t.Logf("entered during the restarts: %s", tell(entered))
}

// enterAll lets new visitors come in one after the other, over one connection
// for all who do so in turn: a machine has some 28,000 to give away a minute.
func enterAll(t testing.TB, site, token string, parallel int) *load {
	t.Helper()
	l := &load{count: map[string]int{}, stop: make(chan struct{})}
	t.Cleanup(func() { l.end() })
	for range parallel {
		l.group.Go(func() {
			connection := &http.Transport{}
			defer connection.CloseIdleConnections()
			for {
				select {
				case <-l.stop:
					return
				default:
					visitor := newBrowser(t)
					visitor.http.Transport = connection
					l.note(visitor.try(http.MethodPost, site+gateway, post(token)))
				}
			}
		})
	}
	return l
}

// A restart without taking the instance out first: what is lost then, if
// anything, are requests on connections that the instance had not yet taken.
func TestRestartWithoutDraining(t *testing.T) {
	long(t)
	c := newCluster(t, "postgres", 2)
	token, _ := newToken(t, c.db, models.NewAccessToken{Label: "restart"})
	var browsers []*browser
	for range 8 {
		browsers = append(browsers, inside(t, c.balancer.URL, token))
	}
	reading := newLoad(t, c.balancer.URL+"/report/", time.Millisecond, browsers...)
	time.Sleep(500 * time.Millisecond)
	for range 3 {
		old := c.instances[0]
		fresh := c.start(t)
		c.balancer.add(fresh)
		c.instances = append(c.instances[1:], fresh)
		old.stop(t) // the balancer finds out by itself
		c.balancer.remove(old)
	}
	reading.end()
	count := reading.since()
	wantOnly(t, count, "reading", "200", "502")
	if lost := count["502"]; lost*100 > total(count) {
		t.Errorf("%s: more than 1 %% lost", tell(count))
	}
	t.Logf("without draining: %s", tell(count))
}

// An instance that leaves writes what it holds in memory.
func TestShutdownWritesWhenVisitorsWereSeen(t *testing.T) {
	d, db := newDatabase(t, "sqlite")
	i := start(t, "-database", d.DSN)
	token, row := newToken(t, db, models.NewAccessToken{Label: "seen"})
	b := inside(t, i.url, token)
	i.kill() // what is seen below was not seen by the process that let in
	i = start(t, "-database", d.DSN, "-addr", i.address())
	b.get(i.url+"/").want(t, http.StatusOK, "home")
	began := time.Now()
	b.copied(i.url).get(i.url+"/report/").want(t, http.StatusOK, "report")
	i.stop(t)
	var use models.AccessTokenUse
	if err := db.Where("token_id = ?", row.ID).First(&use).Error; err != nil {
		t.Fatal(err)
	}
	if use.LastSeenAt == nil || began.Sub(*use.LastSeenAt) > 2*time.Second {
		t.Errorf("last seen at %v, want about %v", use.LastSeenAt, began)
	}
}

// While Redis is away nobody's session can be read; wrong tokens are counted
// in process. All comes back by itself.
func TestRedisAway(t *testing.T) {
	long(t)
	c := newCluster(t, "postgres", 2)
	token, row := newToken(t, c.db, models.NewAccessToken{Label: "redis"})
	i := c.instances[0]
	b := inside(t, i.url, token)
	stranger := newBrowser(t)
	visitors := newLoad(t, c.balancer.URL+"/report/", 20*time.Millisecond, b.copied(i.url), b.copied(i.url))
	time.Sleep(300 * time.Millisecond)
	wantOnly(t, visitors.since(), "before", "200")

	c.redis.stop()
	time.Sleep(6 * time.Second) // what was read last is believed for 5 s
	visitors.since()
	time.Sleep(time.Second)
	wantOnly(t, visitors.since(), "visitors while Redis is away", "503")
	stranger.get(i.url+"/report/").want(t, http.StatusFound, "a stranger while Redis is away")
	newBrowser(t).get(i.url+gateway).want(t, http.StatusOK, "the gateway page while Redis is away")
	a := newBrowser(t).enter(i.url, token).want(t, http.StatusServiceUnavailable, "entering while Redis is away")
	a.wantKept(t, token)
	wantCounts(t, c.db, row.ID, 1)
	newBrowser(t).get(i.url+"/api/status", "X-Perimeter-Token", token).want(t, http.StatusOK, "a header token needs no Redis")
	limitInProcess(t, i)
	newBrowser(t).get(i.url+path(t, i.viewpass)).want(t, http.StatusOK, "a link needs no Redis")

	c.redis.start(t)
	took := eventually(t, 10*time.Second, "entering works again", func() bool {
		return newBrowser(t).enter(i.url, token).status == http.StatusSeeOther
	})
	t.Logf("entering worked again %v after Redis was back", took)
	for _, i := range c.instances {
		i.wantAlive(t)
	}
	i.log.want(t, "perimeter.away", `what="session store"`, 1)
	i.log.want(t, "perimeter.away", `what="attempt limiter"`, 1)
	i.log.want(t, "perimeter.away", "what=database", 0)
}

func limitInProcess(t *testing.T, i *instance) {
	t.Helper()
	wrong := 0
	for range 12 {
		a := newBrowser(t).get(i.url+"/api/status", "X-Perimeter-Token", "a-wrong-guess-of-a-token")
		if a.status == http.StatusUnauthorized {
			wrong++
			continue
		}
		a.want(t, http.StatusTooManyRequests, "a wrong header token beyond the limit")
	}
	if wrong != 10 {
		t.Errorf("%d wrong tokens were taken while Redis was away, want 10", wrong)
	}
}
