//go:build !race

package ginviewpass_test

const raceDetector = false
