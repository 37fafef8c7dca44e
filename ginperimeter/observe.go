package ginperimeter

import "time"

// Event is something that happened at the gate, for counters and alarms. It
// never holds a token, an address or a person. Kinds and reasons are few fixed
// words, fit to be labels of a metric; docs/observability shows Prometheus and
// OpenTelemetry.
type Event struct {
	Kind   EventKind
	Reason string        // why, as the kind says; may be empty
	Took   time.Duration // of EventEntered and EventReload; 0 otherwise
}

// EventKind says what happened. The texts are stable.
type EventKind string

// What can happen.
const (
	// EventPassed: a request went through. Reason: "session" or "header".
	EventPassed EventKind = "passed"
	// EventRefused: a request was refused. Reason: the error of the JSON
	// answer, "perimeter_token_required", "perimeter_token_invalid",
	// "perimeter_token_not_for_header", "perimeter_too_many_attempts",
	// "perimeter_unavailable" or "perimeter_misconfigured".
	EventRefused EventKind = "refused"
	// EventEntered: somebody entered a token and came in.
	EventEntered EventKind = "entered"
	// EventDenied: somebody entered a token in vain. Reason: "blank",
	// "invalid", "mistyped", "unknown", "expired", "deactivated", "used_up",
	// "limit", "form", "cookies", "cross_origin" or "unavailable".
	EventDenied EventKind = "denied"
	// EventLeft: somebody left.
	EventLeft EventKind = "left"
	// EventReload: the tokens in use were read again. Reason: "" or "failed".
	EventReload EventKind = "reload"
	// EventAway: something stopped answering. Reason: "database", "database
	// writes", "session store" or "attempt limiter".
	EventAway EventKind = "away"
	// EventBack: it answers again. Reason: as of EventAway.
	EventBack EventKind = "back"
)

func (g *Gate) observe(kind EventKind, reason string, took time.Duration) {
	if g.cfg.Observe != nil {
		g.cfg.Observe(Event{Kind: kind, Reason: reason, Took: took})
	}
}
