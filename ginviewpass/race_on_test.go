//go:build race

package ginviewpass_test

// raceDetector tells whether the race detector watches: sync.Pool then drops
// what it is given at random.
const raceDetector = true
