package ginperimeter

import (
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// Pass is who came through the gate: what a handler gets from Visitor.
type Pass struct {
	Name       string // as the visitor wrote it, or as the token was issued; "" with Config.TokenOnly
	Email      string
	TokenLabel string
	TokenID    uint
	UseID      uint      // the row of the entry; 0 for a header token
	Since      time.Time // when the visitor entered

	header *Gate // the gate that a header token opened; nil for a session
}

// channel is how a pass was shown.
type channel string

const (
	bySession channel = "session"
	byHeader  channel = "header"
)

// confirmWithin is how long a pass may go unconfirmed before its entry is
// looked up again: well below endedWindow, so that no end is missed between.
const confirmWithin = endedWindow / 2

// knownPass is an entry that was looked up.
type knownPass struct {
	Pass
	ref   string
	check unique.Handle[string] // half of the token's digest
	// token is the entry of the pass's token, nil until it is known. Its digest
	// has been compared with check.
	token       atomic.Pointer[tokenEntry]
	confirmedAt atomic.Int64 // the look-up, or the last reload, that found it not ended
}

// newKnownPass keeps what a row says. What many rows have in common is kept
// once.
func newKnownPass(use models.AccessTokenUse, clock int64) *knownPass {
	known := &knownPass{
		Pass: Pass{
			Name: use.Name, Email: use.Email, TokenLabel: unique.Make(use.TokenLabel).Value(),
			TokenID: use.TokenID, UseID: use.ID, Since: use.At,
		},
		ref: use.Ref, check: unique.Make(use.TokenCheck),
	}
	known.confirmedAt.Store(clock)
	return known
}

// passes remembers who is inside: passes by reference, and visits by cookie,
// each a number of them at most. Only what was found valid gets in, so that no
// flood of wrong cookies costs a right one its place. It is safe for concurrent
// use.
type passes struct {
	visits *visits

	mu    sync.RWMutex
	most  int
	byRef map[string]*knownPass
}

func newPasses(most int) *passes {
	return &passes{visits: newVisits(most), most: most, byRef: make(map[string]*knownPass)}
}

// visit finds a cookie whose session was read less than sessionFresh ago.
func (p *passes) visit(cookie string, clock int64) *visit {
	v := p.visits.find(cookie)
	if v == nil || clock-v.readAt < 0 || clock-v.readAt >= int64(sessionFresh) {
		return nil
	}
	return v
}

// known tells whether a cookie held a pass once, fresh or not.
func (p *passes) known(cookie string) bool { return p.visits.find(cookie) != nil }

// addVisit remembers that a cookie holds a pass that has just been verified and
// lives for another while.
func (p *passes) addVisit(cookie string, pass *knownPass, clock int64, lives time.Duration) {
	p.add(pass)
	p.visits.add(cookie, visit{
		readAt: clock - int64(sessionFresh-min(sessionFresh, lives)), // gone stale when the pass ends
		pass:   &pass.Pass, known: pass, token: pass.token.Load(), useID: pass.UseID,
		confirmedAt: pass.confirmedAt.Load(),
	})
}

func (p *passes) add(pass *knownPass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.byRef[pass.ref]; !known && len(p.byRef) >= p.most {
		p.makeRoom()
	}
	p.byRef[pass.ref] = pass
}

// makeRoom drops the pass that was confirmed longest ago, of a few: Go begins a
// walk through a map anywhere.
func (p *passes) makeRoom() {
	few := 8
	var oldest *knownPass
	for _, pass := range p.byRef {
		if oldest == nil || pass.confirmedAt.Load() < oldest.confirmedAt.Load() {
			oldest = pass
		}
		if few--; few == 0 {
			break
		}
	}
	delete(p.byRef, oldest.ref)
}

// find gives a pass that is known and, at the reload that began at readAt, was
// confirmed lately enough.
func (p *passes) find(ref string, readAt int64) *knownPass {
	p.mu.RLock()
	pass := p.byRef[ref]
	p.mu.RUnlock()
	if pass == nil || !confirmed(pass.confirmedAt.Load(), readAt) {
		return nil
	}
	return pass
}

// confirmed tells whether no end of a pass can have been missed between its
// last confirmation and the reload that began at readAt.
func confirmed(confirmedAt, readAt int64) bool { return readAt-confirmedAt <= int64(confirmWithin) }

// forget drops a pass that was found dead. Its cookies go by themselves: they
// lead to a pass that is checked like any other.
func (p *passes) forget(pass *knownPass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byRef, pass.ref)
}
