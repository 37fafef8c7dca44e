package ginperimeter

import (
	"crypto/sha256"
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// sessionFresh is how long a session that was read is believed: the host may
// clear it, or a store may drop it, at any time.
const sessionFresh = 5 * time.Second

// visit is a session cookie that was found to hold a pass. It has at hand what
// a request asks of the pass: it fills one line of a processor's cache, and
// fetching another costs more than all that is computed. It never changes.
type visit struct {
	key         string      // see cookieKey
	pass        *Pass       // known.Pass, whose address can't be taken without fetching it
	known       *knownPass  //
	token       *tokenEntry // of the pass
	useID       uint        // of the pass
	confirmedAt int64       // of the pass, when the session was read
	until       int64       // until when this is believed: sessionFresh, or the end of the pass
}

// visits are the cookies that hold a pass, a bounded number of them. Only what
// was found valid gets in, so that no flood of wrong cookies costs a right one
// its place. It is safe for concurrent use.
//
// A look-up changes nothing, unlike that of a cache which keeps an order, so
// that cores don't wait for each other. Nor is an order needed: who comes at
// all comes with a new visit every sessionFresh, and who doesn't has the oldest.
type visits struct {
	seed   maphash.Seed
	most   int // visits in a shard
	shards []visitShard
}

type visitShard struct {
	mu sync.RWMutex
	// byHash holds a visit under a hash of its key. Two keys with one hash take
	// turns; which of them it is, the key itself tells.
	byHash map[uint64]*visit
	_      [32]byte // a line for each shard
}

// maxShards is a multiple of the cores of most machines.
const maxShards = 64

// newVisits holds as many visits as size, or an eighth more: the shards don't
// fill evenly.
func newVisits(size int) *visits {
	shards := min(maxShards, max(1, size/1000))
	t := &visits{seed: maphash.MakeSeed(), most: size, shards: make([]visitShard, shards)}
	if shards > 1 {
		t.most = size/shards + size/shards/8
	}
	for i := range t.shards {
		t.shards[i].byHash = make(map[uint64]*visit)
	}
	return t
}

// maxWholeCookie is the longest cookie, in bytes, that is its own key. Hashing
// a short one costs more than the whole rest of a request's check; keeping a
// long one, memory.
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

func (t *visits) shard(key string) (*visitShard, uint64) {
	hash := maphash.String(t.seed, key)
	return &t.shards[(hash>>32)%uint64(len(t.shards))], hash
}

// find gives the visit of a cookie, fresh or not, or nil.
func (t *visits) find(cookie string) *visit {
	key := cookieKey(cookie)
	s, hash := t.shard(key)
	s.mu.RLock()
	v := s.byHash[hash]
	s.mu.RUnlock()
	if v == nil || v.key != key {
		return nil
	}
	return v
}

// add remembers what a cookie holds.
func (t *visits) add(cookie string, v visit) {
	v.key = strings.Clone(cookieKey(cookie)) // not a piece of the request's header
	s, hash := t.shard(v.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.byHash[hash]; !known && len(s.byHash) >= t.most {
		s.makeRoom()
	}
	s.byHash[hash] = &v
}

// makeRoom drops the oldest of a few visits: Go begins a walk through a map
// anywhere.
func (s *visitShard) makeRoom() {
	const few = 8
	var oldest uint64
	looked := 0
	for hash, v := range s.byHash {
		if looked == 0 || v.until < s.byHash[oldest].until {
			oldest = hash
		}
		if looked++; looked == few {
			break
		}
	}
	delete(s.byHash, oldest)
}
