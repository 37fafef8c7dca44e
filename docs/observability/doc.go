// Package observability shows how the events of a gate become metrics. Copy
// what you use; it is a module of its own, so that gin-perimeter depends on
// neither Prometheus nor OpenTelemetry.
package observability
