package ginperimeter_test

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkAdded tells what the gate adds to a request, beside what
// gin.BasicAuth adds and what reading the session adds. All candidates serve in
// turn, a thousand requests each, and medians are compared, so that what else
// the machine does in between falls on all alike. The clock runs while a
// request is served, not while it is made. The result is that of some hundred
// rounds, -benchtime 100x, and of several processes, since where a process has
// its memory moves the figures, too.
func BenchmarkAdded(b *testing.B) {
	for _, crowd := range []struct {
		name string
		size int
	}{{"100", 100}, {"10000", crowdSize}} {
		c := newCrowd(b, crowd.size)
		for _, store := range []string{"cookie", "memory", "redis", "gorm"} {
			b.Run("visitors="+crowd.name+"/store="+store, func(b *testing.B) { c.compare(b, store) })
		}
	}
}

func (c *benchCrowd) compare(b *testing.B, store string) {
	const requests = 1000
	took := map[string][]float64{}
	candidates := map[string]*turns{}
	names := []string{"bare", "basicauth", "sessions-unread", "perimeter", "session-read"}
	for _, name := range names {
		bc := benchCases[name]
		candidates[name] = c.turns(b, bc.handler(b, c, c.store(store)), bc, store)
		candidates[name].warmUp(b)
	}
	b.ResetTimer()
	for round := range b.N {
		for _, name := range names {
			n := requests
			if name == "session-read" {
				n /= 50 // it takes about as long
			}
			var sum time.Duration
			for i := range n {
				r := candidates[name].request(round*requests + i)
				begin := time.Now()
				candidates[name].serve(r)
				sum += time.Since(begin)
			}
			took[name] = append(took[name], float64(sum.Nanoseconds())/float64(n))
		}
	}
	b.StopTimer()
	median := func(name string) float64 {
		candidates[name].check(b)
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	basicAuth, gate := median("basicauth")-median("bare"), median("perimeter")-median("sessions-unread")
	reading := median("session-read") - median("sessions-unread")
	b.ReportMetric(0, "ns/op") // the sum of all candidates says nothing
	b.ReportMetric(median("bare"), "ns-bare")
	b.ReportMetric(basicAuth, "ns-basicauth")
	b.ReportMetric(gate, "ns-gate")
	b.ReportMetric(reading, "ns-reading")
	b.ReportMetric(gate/basicAuth, "gate/basicauth")
	b.ReportMetric(reading/gate, "reading/gate")
}
