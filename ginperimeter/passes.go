package ginperimeter

import (
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
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

// sessionFresh is how long a session that was read is believed: the host may
// clear it, or a store may drop it, at any time.
const sessionFresh = 5 * time.Second

// confirmWithin is how long a pass may go unconfirmed before its entry is
// looked up again: well below endedWindow, so that no end is missed between.
const confirmWithin = endedWindow / 2

// knownPass is an entry that was looked up.
type knownPass struct {
	Pass
	ref         string
	check       string // half of the token's digest
	token       atomic.Pointer[tokenEntry]
	confirmedAt atomic.Int64 // the look-up, or the last reload, that found it not ended
}

// visit is a session cookie that was found to hold a pass.
type visit struct {
	pass   *knownPass
	readAt int64 // when the session was read
}

// passes remembers who is inside, in two bounded tables: pass by reference,
// and visit by cookie. Only what was found valid gets in, so that no flood of
// wrong cookies costs a right one its place. It is safe for concurrent use.
type passes struct {
	byRef    *lru.Cache[string, *knownPass]
	byCookie *lru.Cache[string, visit]
}

func newPasses(size int) *passes {
	byRef, err := lru.New[string, *knownPass](size)
	if err != nil {
		panic("ginperimeter: " + err.Error()) // the size has been checked
	}
	byCookie, err := lru.New[string, visit](size)
	if err != nil {
		panic("ginperimeter: " + err.Error())
	}
	return &passes{byRef: byRef, byCookie: byCookie}
}

// maxWholeCookie is the longest cookie, in bytes, that is its own key. Hashing
// a short one costs more than the whole rest of a look-up.
const maxWholeCookie = 256

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
func (p *passes) visit(cookie string, clock int64) *knownPass {
	v, ok := p.byCookie.Get(cookieKey(cookie))
	if !ok || clock-v.readAt < 0 || clock-v.readAt >= int64(sessionFresh) {
		return nil
	}
	return v.pass
}

// known tells whether a cookie held a pass once, fresh or not.
func (p *passes) known(cookie string) bool {
	return cookie != "" && p.byCookie.Contains(cookieKey(cookie))
}

func (p *passes) addVisit(cookie string, pass *knownPass, clock int64) {
	key := strings.Clone(cookieKey(cookie)) // not a piece of the request's header
	p.byCookie.Add(key, visit{pass: pass, readAt: clock})
}

func (p *passes) add(pass *knownPass) { p.byRef.Add(pass.ref, pass) }

// find gives a pass that is known and, at the reload that began at readAt, was
// confirmed lately enough.
func (p *passes) find(ref string, readAt int64) *knownPass {
	pass, ok := p.byRef.Get(ref)
	if !ok || !pass.confirmed(readAt) {
		return nil
	}
	return pass
}

// confirmed tells whether no end of the pass can have been missed between its
// last confirmation and the reload that began at readAt.
func (k *knownPass) confirmed(readAt int64) bool {
	return readAt-k.confirmedAt.Load() <= int64(confirmWithin)
}

// forget drops a pass that was found dead. Its cookies go by themselves: they
// lead to a pass that is checked like any other.
func (p *passes) forget(pass *knownPass) { p.byRef.Remove(pass.ref) }
