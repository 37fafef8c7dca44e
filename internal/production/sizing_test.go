//go:build linux

package production_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// What one instance does on this machine: the figures for sizing advice. The
// limits are far below, to find what is broken and not what is busy.
func TestSizing(t *testing.T) {
	long(t)
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			d, db := newDatabase(t, kind)
			i := start(t, "-database", d.DSN)
			empty := i.memory(t)
			token, row := newToken(t, db, models.NewAccessToken{Label: "sizing"})
			people := 300
			if os.Getenv("PERIMETER_TEST_LONG") != "" { // measuring, not only testing
				people = 2000
			}
			began := time.Now()
			browsers := enterMany(t, i.url, token, people)
			entering := time.Since(began)
			if lines := i.log.lines("perimeter.away", ""); len(lines) > 0 {
				t.Logf("the database was too busy for a while: %q", lines)
			}
			wantCounts(t, db, row.ID, people)

			began = time.Now()
			first := eachOnce(browsers, i.url)
			visiting := time.Since(began)
			wantOnly(t, first, "the first page of each", "200")
			full := i.memory(t)

			reading := newLoad(t, i.url+"/api/status", 0, browsers[:16]...)
			time.Sleep(500 * time.Millisecond)
			reading.since()
			began = time.Now()
			time.Sleep(3 * time.Second)
			count := reading.since()
			rate := float64(total(count)) / time.Since(began).Seconds()
			reading.end()
			wantOnly(t, count, "reading", "200")
			perSecond := float64(people) / entering.Seconds()
			if perSecond < 20 || rate < 100 {
				t.Errorf("%.0f entries and %.0f pages a second", perSecond, rate)
			}
			t.Logf("%.0f entries a second from 16 at once; %.0f first pages, then %.0f requests a second; memory %d MB, with %d visitors %d MB",
				perSecond, float64(people)/visiting.Seconds(), rate, empty>>20, people, full>>20)
		})
	}
}

func enterMany(t *testing.T, site, token string, people int) []*browser {
	t.Helper()
	shared := &http.Transport{MaxIdleConnsPerHost: 16}
	browsers := make([]*browser, people)
	var next atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(people); n = next.Add(1) - 1 {
				b := newBrowser(t)
				b.http.Transport = shared
				form := post(token)
				form.Set("email", fmt.Sprintf("visitor%d@example.com", n))
				browsers[n] = b
				for tries := 1; ; tries++ { // a disk that is very busy makes some wait and try again
					a, err := b.try(http.MethodPost, site+gateway, form)
					if err == nil && a.status == http.StatusSeeOther {
						break
					}
					if err != nil || a.status != http.StatusServiceUnavailable || tries == 3 {
						t.Errorf("entering: %v, %d", err, a.status)
						break
					}
				}
			}
		})
	}
	group.Wait()
	return browsers
}

func eachOnce(browsers []*browser, site string) map[string]int {
	l := &load{count: map[string]int{}, stop: make(chan struct{})}
	var next atomic.Int64
	for range 16 {
		l.group.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(browsers)); n = next.Add(1) - 1 {
				l.note(browsers[n].try(http.MethodGet, site+"/api/status", nil))
			}
		})
	}
	l.group.Wait()
	return l.since()
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// memory is what the process holds, in bytes.
func (i *instance) memory(t *testing.T) int {
	t.Helper()
	text := must[[]byte](t)(os.ReadFile(fmt.Sprintf("/proc/%d/status", i.cmd.Process.Pid)))
	found := resident.FindSubmatch(text)
	if found == nil {
		t.Fatal("/proc tells no memory")
	}
	return must[int](t)(strconv.Atoi(string(found[1]))) << 10
}
