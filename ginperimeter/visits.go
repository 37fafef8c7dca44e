package ginperimeter

import (
	"crypto/sha256"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// sessionFresh is how long a session that was read is believed: the host may
// clear it, or a store may drop it, at any time.
const sessionFresh = 5 * time.Second

// visit is what a session cookie was found to hold, when its session was last
// read. It has at hand what a request asks of the pass. It never changes; a
// later one takes its place.
type visit struct {
	readAt      int64       // a reading of the clock
	pass        *Pass       // &known.Pass, which can't be taken without fetching it
	known       *knownPass  //
	token       *tokenEntry // of the pass
	useID       uint        // of the pass
	confirmedAt int64       // of the pass, when the session was read
	cookie      cookieKey   // at the end, so that a short one leaves lines of the cache unused
}

// maxWholeCookie is the longest cookie, in bytes, that is its own key. Hashing
// a short one costs more than the whole rest of a request's check; keeping a
// long one, memory.
const maxWholeCookie = 239 // a visit then fills 288 bytes, which is a size that Go allocates

// cookieKey tells a cookie's value from all others. It is the value itself, or
// the SHA-256 of a long one, so that no other cookie can ever match; longer
// tells the two apart. It lies in the visit: to fetch it from a place of its
// own costs more than to compare it.
type cookieKey struct {
	longer bool
	n      uint8
	text   [maxWholeCookie]byte
}

func newCookieKey(text string, longer bool) (k cookieKey) {
	k.longer, k.n = longer, uint8(copy(k.text[:], text))
	return k
}

func (k *cookieKey) is(text string, longer bool) bool {
	return string(k.text[:k.n]) == text && k.longer == longer
}

// shorten is what a cookie is known by.
func shorten(cookie string) (text string, longer bool) {
	if len(cookie) <= maxWholeCookie {
		return cookie, false
	}
	sum := sha256.Sum256([]byte(cookie))
	return string(sum[:]), true
}

// visits remembers the visits of those who are inside, a number of them at
// most: then the oldest go. It is safe for concurrent use.
//
// A look-up takes no lock and changes nothing, unlike that of a cache which
// keeps an order of use, so that cores don't wait for each other. Who is
// active is added again every few seconds anyhow.
//
// A hash of the cookie leads to a bucket, which fills one line of a
// processor's cache. To fetch that, and the visit, is nearly all that a look-up
// costs. A full bucket overflows into the next ones.
type visits struct {
	seed    maphash.Seed
	most    int
	buckets atomic.Pointer[visitBuckets]

	mu   sync.Mutex // of those who add
	held int
}

// visitBuckets are a power of two of them.
type visitBuckets []visitBucket

type visitBucket struct {
	tags   atomic.Uint64 // a byte of each cookie's hash tells which to look at
	visits [7]atomic.Pointer[visit]
}

const (
	fill     = 4 // visits for each bucket, at most
	overflow = 4 // buckets that a visit may lie in: its own and the next
)

func newVisits(most int) *visits {
	v := &visits{seed: maphash.MakeSeed(), most: most}
	v.buckets.Store(&visitBuckets{{}})
	return v
}

// find gives the last visit with a cookie, or nil.
func (v *visits) find(cookie string) *visit {
	text, longer := shorten(cookie)
	_, _, found := v.buckets.Load().find(text, longer, maphash.String(v.seed, text))
	return found
}

// add puts a visit in the place of the last with its cookie.
func (v *visits) add(cookie string, new visit) {
	text, longer := shorten(cookie)
	new.cookie = newCookieKey(text, longer)
	hash := maphash.String(v.seed, text)
	v.mu.Lock()
	defer v.mu.Unlock()
	if b, at, before := v.buckets.Load().find(text, longer, hash); before != nil {
		b.visits[at].Store(&new)
		return
	}
	if v.held == v.most {
		v.drop(hash)
	}
	if buckets := *v.buckets.Load(); v.held == fill*len(buckets) {
		v.grow(make(visitBuckets, 2*len(buckets)))
	}
	v.put(*v.buckets.Load(), hash, &new)
}

// grow moves to more buckets. Look-ups go on in the old ones meanwhile.
func (v *visits) grow(more visitBuckets) {
	v.held = 0
	before := *v.buckets.Load()
	for i := range before {
		for at := range before[i].visits {
			if old := before[i].visits[at].Load(); old != nil {
				v.put(more, maphash.Bytes(v.seed, old.cookie.text[:old.cookie.n]), old)
			}
		}
	}
	v.buckets.Store(&more)
}

func (v *visits) put(buckets visitBuckets, hash uint64, new *visit) {
	b, at := buckets.room(hash)
	if b.visits[at].Swap(new) == nil {
		v.held++
	}
	b.tags.Store(b.tags.Load()&^(0xff<<(8*at)) | uint64(tag(hash))<<(8*at))
}

// drop drops a visit, from the first bucket that has one from a hash's on.
func (v *visits) drop(hash uint64) {
	buckets := *v.buckets.Load()
	for ; ; hash++ {
		b := buckets.of(hash)
		if b.visits[b.oldest()].Swap(nil) != nil {
			v.held--
			return
		}
	}
}

func (bs visitBuckets) of(hash uint64) *visitBucket { return &bs[hash&uint64(len(bs)-1)] }

// tag is of the bits of a hash that don't choose the bucket.
func tag(hash uint64) byte { return byte(hash >> 56) }

func (bs visitBuckets) find(text string, longer bool, hash uint64) (b *visitBucket, at int, found *visit) {
	for next := range uint64(overflow) {
		b = bs.of(hash + next)
		tags := b.tags.Load()
		for at = range b.visits {
			if byte(tags>>(8*at)) != tag(hash) {
				continue
			}
			if found = b.visits[at].Load(); found != nil && found.cookie.is(text, longer) {
				return b, at, found
			}
		}
	}
	return nil, 0, nil
}

// room is a free place, or that of a visit that must go.
func (bs visitBuckets) room(hash uint64) (b *visitBucket, at int) {
	for next := range uint64(overflow) {
		b = bs.of(hash + next)
		for at = range b.visits {
			if b.visits[at].Load() == nil {
				return b, at
			}
		}
	}
	return b, b.oldest()
}

// oldest is the place of the oldest visit, if there is one.
func (b *visitBucket) oldest() (at int) {
	var oldest *visit
	for i := range b.visits {
		if v := b.visits[i].Load(); v != nil && (oldest == nil || v.readAt < oldest.readAt) {
			at, oldest = i, v
		}
	}
	return at
}
