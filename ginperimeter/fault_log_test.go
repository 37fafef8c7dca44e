package ginperimeter_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// Where reading works and writing does not, every entry succeeds by half. That
// is one line in the log, not two for each.
func TestWhatHalfWorksIsLoggedOnce(t *testing.T) {
	t.Parallel()
	db, book, clk := newDB(t), &logbook{}, newClock()
	var mu sync.Mutex
	var changes []string
	broken := breakable(t, db)
	s := newSite(t, ginperimeter.Config{
		DB: db, Logger: book.logger(), Now: clk.now,
		Observe: func(e ginperimeter.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == ginperimeter.EventAway || e.Kind == ginperimeter.EventBack {
				changes = append(changes, string(e.Kind)+" "+e.Reason)
			}
		},
	}, nil)
	token, _ := newToken(t, db, models.NewAccessToken{})
	broken.set(poolReadOnly)
	for range 5 {
		s.client().enter(token, "").want(t, 503, "")
		clk.advance(time.Minute)
	}
	if n := book.count("event=perimeter.away", `what="database writes"`); n != 1 {
		t.Errorf("%d lines say that writing fails, want 1:\n%s", n, book.text())
	}
	if n := book.count("event=perimeter.back"); n != 0 {
		t.Errorf("%d lines say that it works again, which it does not:\n%s", n, book.text())
	}
	broken.set(poolWorks)
	s.client().enter(token, "").want(t, 303, "/")
	if n := book.count("event=perimeter.back", `what="database writes"`); n != 1 {
		t.Errorf("%d lines say that writing works again, want 1:\n%s", n, book.text())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(changes) != 2 || changes[0] != "away database writes" || changes[1] != "back database writes" {
		t.Errorf("events were %q", changes)
	}
}
