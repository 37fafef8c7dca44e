package ginperimeter

import (
	"crypto/sha256"
	"strings"
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

// channel is how the pass was shown.
func (p *Pass) channel() string {
	if p.UseID == 0 {
		return "header"
	}
	return "session"
}

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

// sessionFresh is how long a session that was read is believed: the host may
// clear it, or a store may drop it, at any time.
const sessionFresh = 5 * time.Second

// visit is what a session cookie was found to hold. It has at hand what a
// request asks of the pass: with its key it fills one line of a processor's
// cache, and fetching another costs more than all that is computed.
type visit struct {
	pass        *Pass       // &known.Pass, which can't be taken without fetching it
	known       *knownPass  //
	token       *tokenEntry // of the pass
	useID       uint        // of the pass
	confirmedAt int64       // of the pass, when the session was read
}

// passes remembers who is inside, in two bounded tables: pass by reference,
// and visit by cookie. Only what was found valid gets in, so that no flood of
// wrong cookies costs a right one its place. It is safe for concurrent use.
type passes struct {
	byRef    *recent[*knownPass]
	byCookie *recent[visit]
}

func newPasses(size int) *passes {
	return &passes{byRef: newRecent[*knownPass](size), byCookie: newRecent[visit](size)}
}

// maxWholeCookie is the longest cookie, in bytes, that is its own key. Hashing
// a short one costs more than the whole rest of a request's check; keeping a
// long one, memory.
const maxWholeCookie = 224

// cookieKey is the key of a cookie's value: the value, or the SHA-256 of a
// long one, so that no other cookie can ever match. The byte in front keeps
// the two apart: no header can carry it.
func cookieKey(value string) string {
	if len(value) <= maxWholeCookie {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "\x00" + string(sum[:])
}

// visit finds a cookie whose session was read less than sessionFresh ago.
func (p *passes) visit(cookie string, clock int64) (v visit, ok bool) {
	v, readAt, ok := p.byCookie.find(cookieKey(cookie))
	return v, ok && clock-readAt >= 0 && clock-readAt < int64(sessionFresh)
}

// known tells whether a cookie held a pass once, fresh or not.
func (p *passes) known(cookie string) bool {
	_, _, ok := p.byCookie.find(cookieKey(cookie))
	return ok
}

// addVisit remembers that a cookie holds a pass that has just been verified and
// lives for another while.
func (p *passes) addVisit(cookie string, pass *knownPass, clock int64, lives time.Duration) {
	p.add(pass, clock)
	key := strings.Clone(cookieKey(cookie)) // not a piece of the request's header
	p.byCookie.add(key, visit{
		pass: &pass.Pass, known: pass, token: pass.token.Load(), useID: pass.UseID,
		confirmedAt: pass.confirmedAt.Load(),
	}, clock-int64(sessionFresh-min(sessionFresh, lives))) // gone stale when the pass ends
}

func (p *passes) add(pass *knownPass, clock int64) { p.byRef.add(pass.ref, pass, clock) }

// find gives a pass that is known and, at the reload that began at readAt, was
// confirmed lately enough.
func (p *passes) find(ref string, readAt int64) *knownPass {
	pass, _, ok := p.byRef.find(ref)
	if !ok || !confirmed(pass.confirmedAt.Load(), readAt) {
		return nil
	}
	return pass
}

// confirmed tells whether no end of a pass can have been missed between its
// last confirmation and the reload that began at readAt.
func confirmed(confirmedAt, readAt int64) bool { return readAt-confirmedAt <= int64(confirmWithin) }

// forget drops a pass that was found dead. Its cookies go by themselves: they
// lead to a pass that is checked like any other.
func (p *passes) forget(pass *knownPass) { p.byRef.remove(pass.ref) }
