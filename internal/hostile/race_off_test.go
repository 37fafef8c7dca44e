//go:build !race

package hostile

// raceDetector tells whether the race detector watches.
const raceDetector = false
