package ginperimeter

import "time"

// Event is something that happened at the gate, for counters and logs. It
// never holds a token, an address or a person.
type Event struct {
	Kind   EventKind
	Reason string        // why, in a fixed word: "expired", "limit", … ; may be empty
	Took   time.Duration // how long the work took; 0 where it isn't measured
}

// EventKind says what happened. The texts are stable.
type EventKind string

// What can happen.
const (
	EventPassed  EventKind = "passed"  // a request went through with a pass or header token; Reason is "session" or "header"
	EventRefused EventKind = "refused" // a request was refused; Reason is "no_pass", "header", "unavailable", …
	EventEntered EventKind = "entered" // somebody entered a token and came in
	EventDenied  EventKind = "denied"  // somebody entered a token in vain; Reason is "unknown", "mistyped", "expired", "deactivated", "used_up", "limit", "form", "cookies", "unavailable", "cross_origin"
	EventLeft    EventKind = "left"    // somebody left
	EventReload  EventKind = "reload"  // the tokens in use were read again; Reason is "" or "failed"
	EventAway    EventKind = "away"    // something stopped answering; Reason is "database", "database writes", "session store" or "attempt limiter"
	EventBack    EventKind = "back"    // it answers again; Reason as for EventAway
)

func (g *Gate) observe(kind EventKind, reason string, took time.Duration) {
	if g.cfg.Observe != nil {
		g.cfg.Observe(Event{Kind: kind, Reason: reason, Took: took})
	}
}
