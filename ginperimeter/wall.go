package ginperimeter

import "time"

// wall follows the clock on the wall, by which other processes write when a
// pass ended, beside the one that ages are counted by: the former may be set.
type wall struct {
	began       int64 // when the present one of two periods did
	before, low int64 // the least that the wall was ahead of the clock, in Unix nanoseconds, in each
}

// earliest is the time now, or what it would be had a clock that was set within
// endedWindow, back or forward, not been: it must not hide what ended since.
func (w *wall) earliest(now time.Time, clock int64) time.Time {
	ahead := now.UnixNano() - clock
	switch {
	case w.low == 0:
		w.before, w.low = ahead, ahead
	case clock-w.began > int64(endedWindow), clock < w.began:
		w.began, w.before, w.low = clock, w.low, ahead
	}
	w.low = min(w.low, ahead)
	return time.Unix(0, min(w.before, w.low)+clock)
}
