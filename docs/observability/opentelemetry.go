package observability

import (
	"context"
	"errors"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// OpenTelemetry makes a Config.Observe that counts what happens at the gate.
func OpenTelemetry(meter metric.Meter) (func(ginperimeter.Event), error) {
	events, eventsErr := meter.Int64Counter("perimeter.events",
		metric.WithDescription("What happened at the gate."))
	seconds, secondsErr := meter.Float64Histogram("perimeter.duration", metric.WithUnit("s"),
		metric.WithDescription("How long entering and reading the tokens again took."))
	away, awayErr := meter.Int64Gauge("perimeter.away",
		metric.WithDescription("1 while the gate gets no answer from it."))
	if err := errors.Join(eventsErr, secondsErr, awayErr); err != nil {
		return nil, err
	}

	return func(e ginperimeter.Event) {
		ctx, kind := context.Background(), attribute.String("kind", string(e.Kind))
		events.Add(ctx, 1, metric.WithAttributes(kind, attribute.String("reason", e.Reason)))
		if e.Took > 0 {
			seconds.Record(ctx, e.Took.Seconds(), metric.WithAttributes(kind))
		}
		what := metric.WithAttributes(attribute.String("what", e.Reason))
		switch e.Kind {
		case ginperimeter.EventAway:
			away.Record(ctx, 1, what)
		case ginperimeter.EventBack:
			away.Record(ctx, 0, what)
		}
	}, nil
}
