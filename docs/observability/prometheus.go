package observability

import (
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/prometheus/client_golang/prometheus"
)

// Prometheus makes a Config.Observe that counts what happens at the gate.
func Prometheus(registry prometheus.Registerer) func(ginperimeter.Event) {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "perimeter_events_total", Help: "What happened at the gate.",
	}, []string{"kind", "reason"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "perimeter_seconds", Help: "How long entering and reading the tokens again took.",
		Buckets: []float64{.001, .005, .02, .1, .5, 2, 5},
	}, []string{"kind"})
	away := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "perimeter_away", Help: "1 while the gate gets no answer from it.",
	}, []string{"what"})
	registry.MustRegister(events, seconds, away)

	return func(e ginperimeter.Event) {
		events.WithLabelValues(string(e.Kind), e.Reason).Inc()
		if e.Took > 0 {
			seconds.WithLabelValues(string(e.Kind)).Observe(e.Took.Seconds())
		}
		switch e.Kind {
		case ginperimeter.EventAway:
			away.WithLabelValues(e.Reason).Set(1)
		case ginperimeter.EventBack:
			away.WithLabelValues(e.Reason).Set(0)
		}
	}
}
