// Package hostile holds tests that attack the gate, its pages and signed links
// as strangers do, from outside and over the network. It exports nothing.
package hostile
