package ginperimeter

import "time"

// The three functions that read what strangers send on every request, for the
// fuzz targets.
var (
	SessionCookie = sessionCookie
	HeaderToken   = headerToken
	IsCleanPath   = isCleanPath
)

// StopClock keeps fresh what the gate has read, for benchmarks. The clock is
// read all the same.
func (g *Gate) StopClock() {
	g.tokens.since = func(start time.Time) time.Duration { return time.Since(start) >> 62 }
}

// NewVisits, Add, Find and Held are the table of visits by itself; a visit is
// told by when its session was read.
func NewVisits(most int) *visits { return newVisits(most) }

func (v *visits) Add(cookie string, readAt int64) { v.add(cookie, visit{readAt: readAt}) }

func (v *visits) Find(cookie string) (readAt int64) {
	if found := v.find(cookie); found != nil {
		return found.readAt
	}
	return 0
}

func (v *visits) Held() (n int) {
	for i := range *v.buckets.Load() {
		for at := range (*v.buckets.Load())[i].visits {
			if (*v.buckets.Load())[i].visits[at].Load() != nil {
				n++
			}
		}
	}
	return n
}

// SetElapsed makes elapsed the monotonic clock, beside Config.Now, which is
// then the clock on the wall.
func (g *Gate) SetElapsed(elapsed func() time.Duration) {
	g.tokens.since = func(time.Time) time.Duration { return elapsed() }
}
