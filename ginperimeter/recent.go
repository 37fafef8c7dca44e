package ginperimeter

import (
	"hash/maphash"
	"sync"
)

// recent is a table that forgets: of more than a number of values it keeps
// about those that were added last. It is safe for concurrent use.
//
// A look-up changes nothing, unlike that of a cache which keeps an order of
// use, so that cores don't wait for each other. What is in use is added again
// every few seconds anyhow.
type recent[V any] struct {
	seed   maphash.Seed
	most   int // values in a shard
	shards []recentShard[V]
}

type recentShard[V any] struct {
	mu sync.RWMutex
	// byHash holds an entry under a hash of its key. Two keys with one hash
	// take turns; which of them it is, the key itself tells. Entries lie in the
	// map itself, which saves fetching one more line of memory.
	byHash map[uint64]recentEntry[V]
	_      [32]byte // a cache line for each shard
}

type recentEntry[V any] struct {
	key   string
	added int64 // a reading of the clock
	value V
}

// maxShards is more than the cores of most machines.
const maxShards = 64

// newRecent keeps as many values as size, or up to an eighth more, since the
// shards don't fill evenly.
func newRecent[V any](size int) *recent[V] {
	shards := min(maxShards, max(1, size/1000))
	t := &recent[V]{seed: maphash.MakeSeed(), most: size, shards: make([]recentShard[V], shards)}
	if shards > 1 {
		t.most = size/shards + size/shards/8
	}
	for i := range t.shards {
		t.shards[i].byHash = make(map[uint64]recentEntry[V])
	}
	return t
}

func (t *recent[V]) shard(key string) (*recentShard[V], uint64) {
	hash := maphash.String(t.seed, key)
	return &t.shards[(hash>>32)%uint64(len(t.shards))], hash
}

// find gives what was added under a key, and when; ok tells whether it is there.
func (t *recent[V]) find(key string) (value V, added int64, ok bool) {
	s, hash := t.shard(key)
	s.mu.RLock()
	e := s.byHash[hash]
	s.mu.RUnlock()
	return e.value, e.added, e.key == key && key != ""
}

// add puts a value in the place of what its key had. The key is kept.
func (t *recent[V]) add(key string, value V, clock int64) {
	s, hash := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.byHash[hash]; !known && len(s.byHash) >= t.most {
		s.makeRoom()
	}
	s.byHash[hash] = recentEntry[V]{key: key, added: clock, value: value}
}

// makeRoom drops the oldest of a few entries: Go begins a walk through a map
// anywhere.
func (s *recentShard[V]) makeRoom() {
	const few = 8
	var oldest uint64
	looked := 0
	for hash, e := range s.byHash {
		if looked == 0 || e.added < s.byHash[oldest].added {
			oldest = hash
		}
		if looked++; looked == few {
			break
		}
	}
	delete(s.byHash, oldest)
}

func (t *recent[V]) remove(key string) {
	s, hash := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byHash[hash].key == key {
		delete(s.byHash, hash)
	}
}
