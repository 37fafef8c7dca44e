package e2e

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "make new pictures for the README")

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(status)
}
