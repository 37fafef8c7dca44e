//go:build unix

package production_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// load is visitors who go round a site until they are told to stop.
type load struct {
	mu    sync.Mutex
	count map[string]int // by status or error
	stop  chan struct{}
	group sync.WaitGroup
}

// newLoad lets every browser ask for a page again and again. Between two
// requests it pauses.
func newLoad(t testing.TB, page string, pause time.Duration, browsers ...*browser) *load {
	t.Helper()
	l := &load{count: map[string]int{}, stop: make(chan struct{})}
	for _, b := range browsers {
		l.group.Go(func() { l.run(b, page, pause) })
	}
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) run(b *browser, page string, pause time.Duration) {
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(pause):
			a, err := b.try(http.MethodGet, page, nil)
			l.note(a, err)
		}
	}
}

func (l *load) note(a answer, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.count["error"]++
		return
	}
	l.count[fmt.Sprint(a.status)]++
}

// end stops all and waits for them.
func (l *load) end() {
	l.mu.Lock()
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.mu.Unlock()
	l.group.Wait()
}

// since is what was answered since the last call.
func (l *load) since() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := l.count
	l.count = map[string]int{}
	return count
}

// tell writes counts in order.
func tell(count map[string]int) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%s × %d", key, count[key]))
	}
	return strings.Join(parts, ", ")
}

func total(count map[string]int) int {
	n := 0
	for _, c := range count {
		n += c
	}
	return n
}

// wantOnly wants no answers but these.
func wantOnly(t testing.TB, count map[string]int, when string, statuses ...string) {
	t.Helper()
	if total(count) == 0 {
		t.Errorf("%s: no requests were made", when)
	}
	for key := range count {
		if !slices.Contains(statuses, key) {
			t.Errorf("%s: %s; want only %s", when, tell(count), strings.Join(statuses, " and "))
			return
		}
	}
}
