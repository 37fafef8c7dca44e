package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// isTerminal tells whether a person is at the other end.
func isTerminal(stream any) bool {
	switch s := stream.(type) {
	case *os.File:
		return isatty.IsTerminal(s.Fd()) || isatty.IsCygwinTerminal(s.Fd())
	case interface{ IsTerminal() bool }:
		return s.IsTerminal()
	}
	return false
}

// interactive tells whether somebody can be asked.
func (a *app) interactive() bool { return isTerminal(a.in) && isTerminal(a.err) }

var errDeclined = errors.New("nothing was changed")

// confirm asks, and answers an error unless the answer is yes.
func (a *app) confirm(ctx context.Context, question string) error {
	fmt.Fprint(a.err, question+" [y/N] ")
	answer := make(chan string, 1)
	go func() { // reading does not end with the context
		line, _ := bufio.NewReader(a.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return ctx.Err()
	case text := <-answer:
		if text == "y" || text == "yes" {
			return nil
		}
	}
	return errDeclined
}

// bar shows on a terminal how far a long work is. A nil bar shows nothing.
type bar struct {
	out   io.Writer
	title string
	drawn time.Time
}

// progress makes a bar where somebody sees it.
func (a *app) progress(title string) *bar {
	if !isTerminal(a.err) {
		return nil
	}
	return &bar{out: a.err, title: title}
}

// redraw is how often a bar is drawn anew.
const redraw = 100 * time.Millisecond

func (b *bar) set(done, total int64) {
	if b == nil || time.Since(b.drawn) < redraw {
		return
	}
	b.drawn = time.Now()
	const width = 30
	share := 1.0
	if total > 0 {
		share = min(1, float64(done)/float64(total))
	}
	full := int(share * width)
	fmt.Fprintf(b.out, "\r%s [%s%s] %3.0f %%  %d of %d", b.title,
		strings.Repeat("#", full), strings.Repeat(" ", width-full), 100*share, done, max(done, total))
}

func (b *bar) clear() {
	if b != nil && !b.drawn.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}

// over shows how far going through all uses is.
func (b *bar) over(each eachUse, total int64) eachUse {
	return func(visit visitUse) error {
		defer b.clear()
		var done int64
		return each(func(use use) error {
			done++
			b.set(done, total)
			return visit(use)
		})
	}
}
