//go:build unix

package production_test

import (
	"net/http"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// wired is a demo whose database server is at the end of a wire, with people
// inside who go on reading, and others who come in.
type wired struct {
	db       *gorm.DB // not through the wire
	wire     *wire
	demo     *instance
	token    string
	row      models.AccessToken
	reading  *load
	entering *load
}

func newWired(t *testing.T, kind string) *wired {
	t.Helper()
	d, db := newDatabase(t, kind)
	w := &wired{db: db, wire: newWire(t, serverAddress(t, d))}
	w.demo = start(t, "-database", through(t, d, w.wire.address))
	w.token, w.row = newToken(t, db, models.NewAccessToken{Label: "wired"})
	var browsers []*browser
	for range 4 {
		browsers = append(browsers, inside(t, w.demo.url, w.token))
	}
	w.reading = newLoad(t, w.demo.url+"/report/", 10*time.Millisecond, browsers...)
	w.entering = enterAll(t, w.demo.url, w.token, 2)
	time.Sleep(500 * time.Millisecond)
	wantOnly(t, w.reading.since(), "reading before the fault", "200")
	wantOnly(t, w.entering.since(), "entering before the fault", "303")
	return w
}

// wantShut wants a gate that lets no stranger in.
func (w *wired) wantShut(t *testing.T, when string) {
	t.Helper()
	newBrowser(t).get(w.demo.url+"/report/").want(t, http.StatusFound, "a stranger "+when)
	newBrowser(t).get(w.demo.url+gateway).want(t, http.StatusOK, "the gateway page "+when)
	newBrowser(t).get(w.demo.url+"/healthz").want(t, http.StatusOK, "the liveness probe "+when)
}

// wantBack wants all to work again by itself, and answers after what time.
func (w *wired) wantBack(t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	took := eventually(t, within, "entering works again", func() bool {
		return newBrowser(t).do(http.MethodPost, w.demo.url+gateway, post(w.token)).status == http.StatusSeeOther
	})
	w.reading.since()
	eventually(t, within, "reading works again", func() bool {
		time.Sleep(300 * time.Millisecond)
		count := w.reading.since()
		return count["200"] > 0 && count["200"] == total(count)
	})
	w.entering.since()
	newBrowser(t).get(w.demo.url+"/readyz").want(t, http.StatusOK, "the readiness probe after the fault")
	w.wantShut(t, "after the fault")
	w.demo.wantAlive(t)
	return took
}

// finish stops the visitors and compares rows and counts.
func (w *wired) finish(t *testing.T) {
	t.Helper()
	w.entering.end()
	w.reading.end()
	wantOnly(t, w.entering.since(), "entering at the end", "303")
	wantCounts(t, w.db, w.row.ID, -1)
}

func eachWired(t *testing.T, run func(t *testing.T, w *wired)) {
	long(t)
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWired(t, kind)
			run(t, w)
			w.finish(t)
		})
	}
}

// The server stops for some seconds. Who is inside reads on; who wants in is
// told to wait and keeps what was typed; no stranger gets in.
func TestDatabaseStopsAndStarts(t *testing.T) {
	eachWired(t, func(t *testing.T, w *wired) {
		w.wire.cut()
		time.Sleep(500 * time.Millisecond)
		w.entering.since()
		for range 3 {
			time.Sleep(2 * time.Second)
			w.wantShut(t, "while the database is away")
			b := newBrowser(t)
			a := b.enter(w.demo.url, w.token).want(t, http.StatusServiceUnavailable, "entering while the database is away")
			a.wantKept(t, w.token)
			if a.header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			b.get(w.demo.url+"/report/").want(t, http.StatusFound, "after entering in vain")
			newBrowser(t).get(w.demo.url+"/api/status", "X-Perimeter-Token", w.token+"x").want(t, http.StatusUnauthorized, "a damaged header token")
		}
		newBrowser(t).get(w.demo.url+"/readyz").want(t, http.StatusServiceUnavailable, "the readiness probe while the database is away")
		away := w.entering.since()
		wantOnly(t, away, "entering while the database is away", "503")
		read := w.reading.since()
		wantOnly(t, read, "reading while the database is away", "200")
		w.wire.mend(t)
		t.Logf("6.5 s away: reading %s; entering %s; entering worked again after %v", tell(read), tell(away), w.wantBack(t, 10*time.Second))
		w.demo.log.want(t, "perimeter.away", "what=database ", 1)
		eventually(t, 15*time.Second, "the log says that it is back", func() bool {
			return len(w.demo.log.lines("perimeter.back", "what=database")) >= 1
		})
		w.demo.log.want(t, "perimeter.back", "what=database", 1)
	})
}

// All connections break at once, again and again, as when a proxy between
// restarts. Nobody who is inside notices.
func TestConnectionsReset(t *testing.T) {
	eachWired(t, func(t *testing.T, w *wired) {
		for range 10 {
			w.wire.reset()
			time.Sleep(400 * time.Millisecond)
		}
		read, entered := w.reading.since(), w.entering.since()
		wantOnly(t, read, "reading while connections break", "200")
		wantOnly(t, entered, "entering while connections break", "303", "503")
		if entered["303"] == 0 {
			t.Errorf("nobody came in while connections broke now and then: %s", tell(entered))
		}
		t.Logf("10 resets in 4 s: reading %s; entering %s", tell(read), tell(entered))
		w.wantBack(t, 5*time.Second)
		if lines := w.demo.log.lines("perimeter.away", ""); len(lines) > 2 { // reading and writing
			t.Errorf("%d lines for one fault:\n%q", len(lines), lines)
		}
	})
}

// Every answer of the server takes two seconds. The gate is slow then, but
// shut, and a token that is revoked meanwhile does not last.
func TestDatabaseSlow(t *testing.T) {
	eachWired(t, func(t *testing.T, w *wired) {
		other, otherRow := newToken(t, w.db, models.NewAccessToken{Label: "revoked meanwhile"})
		b := inside(t, w.demo.url, other)
		w.wire.delay.Store(int64(2 * time.Second))
		w.wantShut(t, "while the database is slow")
		if err := w.db.Exec("UPDATE access_tokens SET deactivated_at = created_at WHERE id = ?", otherRow.ID).Error; err != nil {
			t.Fatal(err)
		}
		out := eventually(t, 30*time.Second, "who was revoked is out", func() bool {
			return b.get(w.demo.url+"/report/").status != http.StatusOK
		})
		a := newBrowser(t).enter(w.demo.url, w.token)
		if a.status != http.StatusSeeOther && a.status != http.StatusServiceUnavailable {
			t.Errorf("entering while the database is slow: %d", a.status)
		}
		read, entered := w.reading.since(), w.entering.since()
		wantOnly(t, read, "reading while the database is slow", "200", "503")
		wantOnly(t, entered, "entering while the database is slow", "303", "503")
		w.wire.delay.Store(0)
		took := w.wantBack(t, 30*time.Second)
		t.Logf("2 s an answer: revoked after %.1f s; one entry took %.1f s and got %d; reading %s; entering %s; fast again after %v",
			out.Seconds(), a.took.Seconds(), a.status, tell(read), tell(entered), took)
	})
}

// The server takes connections and says nothing more.
func TestDatabaseHangs(t *testing.T) {
	eachWired(t, func(t *testing.T, w *wired) {
		visitor := inside(t, w.demo.url, w.token)
		w.wire.silent.Store(true)
		time.Sleep(time.Second)
		w.reading.since()
		w.entering.since()
		a := newBrowser(t).enter(w.demo.url, w.token).want(t, http.StatusServiceUnavailable, "entering while the database hangs")
		a.wantKept(t, w.token)
		if a.took > 20*time.Second {
			t.Errorf("entering took %v while the database hangs", a.took)
		}
		w.wantShut(t, "while the database hangs")
		time.Sleep(4 * time.Second)
		for range 10 { // it is known by now: visitors are not kept waiting again and again
			if a := visitor.get(w.demo.url + "/report/"); a.took > 2*time.Second {
				t.Errorf("a page took %v while the database hangs", a.took)
			}
			time.Sleep(time.Second)
		}
		read := w.reading.since()
		wantOnly(t, read, "reading while the database hangs", "200")
		w.wire.silent.Store(false)
		t.Logf("hanging: reading %s; an entry was answered 503 after %.1f s; entering worked again after %v",
			tell(read), a.took.Seconds(), w.wantBack(t, 30*time.Second))
		w.demo.log.want(t, "perimeter.away", "what=database ", 1)
	})
}

// A table vanishes while the site runs, and comes back.
func TestTableMissing(t *testing.T) {
	eachWired(t, func(t *testing.T, w *wired) {
		rename := func(from, to string) {
			t.Helper()
			if err := w.db.Exec("ALTER TABLE " + from + " RENAME TO " + to).Error; err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range []string{"access_token_uses", "access_tokens"} {
			rename(table, "elsewhere")
			time.Sleep(time.Second)
			w.entering.since()
			w.reading.since()
			time.Sleep(4 * time.Second)
			newBrowser(t).enter(w.demo.url, w.token).want(t, http.StatusServiceUnavailable, "entering without "+table).wantKept(t, w.token)
			w.wantShut(t, "without "+table)
			wantOnly(t, w.entering.since(), "entering without "+table, "503")
			wantOnly(t, w.reading.since(), "reading without "+table, "200")
			rename("elsewhere", table)
			w.wantBack(t, 10*time.Second)
		}
		if lines := w.demo.log.lines("perimeter.away", ""); len(lines) > 2 {
			t.Errorf("%d lines for two faults:\n%q", len(lines), lines)
		}
	})
}

// The database turns read-only, as a replica does that was not promoted. Who
// is inside reads on; nobody new comes in.
func TestDatabaseReadOnly(t *testing.T) {
	long(t)
	w := newWired(t, "postgres")
	set := func(value string) {
		t.Helper()
		var name string
		if err := w.db.Raw("SELECT current_database()").Scan(&name).Error; err != nil {
			t.Fatal(err)
		}
		if err := w.db.Exec("ALTER DATABASE " + name + " SET default_transaction_read_only = " + value).Error; err != nil {
			t.Fatal(err)
		}
		w.wire.reset()
	}
	set("on")
	time.Sleep(time.Second)
	w.entering.since()
	w.reading.since()
	for range 3 {
		time.Sleep(time.Second)
		newBrowser(t).enter(w.demo.url, w.token).want(t, http.StatusServiceUnavailable, "entering a read-only database").wantKept(t, w.token)
	}
	wantOnly(t, w.entering.since(), "entering a read-only database", "503")
	wantOnly(t, w.reading.since(), "reading from a read-only database", "200")
	// the broken connections may count as the database's own fault for a while
	eventually(t, 30*time.Second, "the log says that writing fails", func() bool {
		return len(w.demo.log.lines("perimeter.away", `what="database writes"`)) > 0
	})
	w.demo.log.want(t, "perimeter.away", `what="database writes"`, 1)
	if err := w.db.Exec("SET default_transaction_read_only = off").Error; err != nil { // the test's own connection
		t.Fatal(err)
	}
	set("off")
	w.wantBack(t, 10*time.Second)
	w.finish(t)
}
