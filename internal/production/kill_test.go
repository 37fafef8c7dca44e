//go:build unix

package production_test

import (
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// The demo is killed three times while people enter. Whoever was answered with
// 303 is in the database, and the rows agree with the token's count.
func TestKilledWhilePeopleEnter(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			people := 200
			if os.Getenv("PERIMETER_TEST_LONG") != "" || os.Getenv("CI") == "true" {
				people = 1000
			}
			killWhileEntering(t, kind, people)
		})
	}
}

func killWhileEntering(t *testing.T, kind string, people int) {
	d, db := newDatabase(t, kind)
	i := start(t, "-database", d.DSN)
	url := i.url // the same for all that follow
	token, row := newToken(t, db, models.NewAccessToken{Label: "kill -9"})
	var next, admitted atomic.Int64
	var mu sync.Mutex
	answered := map[string]bool{}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for admitted.Load() < int64(people) && !t.Failed() {
				email := fmt.Sprintf("visitor%d@example.com", next.Add(1))
				if enterOnce(t, url, token, email) {
					admitted.Add(1)
					mu.Lock()
					answered[email] = true
					mu.Unlock()
				}
			}
		})
	}
	address := i.address()
	for kills := 1; kills <= 3; kills++ {
		eventually(t, 60*time.Second, "people enter", func() bool { return admitted.Load() >= int64(people*kills/4) })
		i.kill()
		i = start(t, "-database", d.DSN, "-addr", address)
	}
	group.Wait()

	var uses []models.AccessTokenUse
	if err := db.Where("token_id = ?", row.ID).Find(&uses).Error; err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, use := range uses {
		rows[use.Email]++
		if use.Name != "Ada Lovelace" || use.Ref == "" || use.At.IsZero() || use.TokenCheck != row.Check() {
			t.Errorf("half a row: %+v", use)
		}
	}
	for email := range answered {
		if rows[email] == 0 {
			t.Errorf("%s was let in, but there is no row", email)
		}
	}
	wantCounts(t, db, row.ID, -1)
	t.Logf("%d of %d forms were answered with 303, %d rows, 3 kills", len(answered), next.Load(), len(uses))
	if kind == "sqlite" {
		var verdict string
		if err := db.Raw("PRAGMA integrity_check").Scan(&verdict).Error; err != nil || verdict != "ok" {
			t.Errorf("the SQLite file is %q, %v", verdict, err)
		}
	}
}

// enterOnce sends one form. Where the site is away it waits a little.
func enterOnce(t *testing.T, site, token, email string) bool {
	form := post(token)
	form.Set("email", email)
	a, err := newBrowser(t).try(http.MethodPost, site+gateway, form)
	switch {
	case err != nil:
		time.Sleep(50 * time.Millisecond)
	case a.status != http.StatusSeeOther:
		t.Errorf("entering was answered %d: %.200q", a.status, a.body)
	}
	return err == nil && a.status == http.StatusSeeOther
}
