package admin

import (
	"context"
	"crypto/rand"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// madeTokens remembers which filled-in forms made a token, so that a reload of
// the page that showed it, or a button pressed twice, makes no second one. It
// keeps the latest 4096 forms of this process. A form that is sent again after
// a restart, or to another process, makes another token.
type madeTokens struct {
	mu    sync.Mutex
	forms *lru.Cache[string, *making]
}

type making struct {
	done chan struct{} // closed when id is known
	id   uint          // 0: no token came of it
}

func newMadeTokens() *madeTokens {
	forms, err := lru.New[string, *making](4096)
	if err != nil {
		panic("admin: " + err.Error()) // only for a size below 1
	}
	return &madeTokens{forms: forms}
}

// newFormKey makes what tells one form from all others.
func newFormKey() string { return rand.Text() }

// begin claims a form. Either finish must be called with what came of it, or,
// when the form made a token already, made is its ID. It waits while the same
// form is being worked on.
func (m *madeTokens) begin(ctx context.Context, actor, key string) (finish func(id uint), made uint, err error) {
	key = actor + "\n" + key
	for {
		m.mu.Lock()
		other, found := m.forms.Get(key)
		if !found {
			mine := &making{done: make(chan struct{})}
			m.forms.Add(key, mine)
			m.mu.Unlock()
			return func(id uint) { m.finish(key, mine, id) }, 0, nil
		}
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-other.done:
		}
		if other.id != 0 {
			return nil, other.id, nil
		}
	}
}

func (m *madeTokens) finish(key string, mine *making, id uint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine.id = id
	if id == 0 {
		m.forms.Remove(key)
	}
	close(mine.done)
}
