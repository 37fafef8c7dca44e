// Package usecsv writes uses of tokens as CSV that a spreadsheet opens without
// running anything in it. It writes row by row: the memory it takes does not
// grow with their number.
package usecsv

import (
	"encoding/csv"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// columns is the first row. Times are RFC 3339 in UTC.
var columns = []string{
	"id", "at", "token_id", "token", "name", "email", "address", "channel", "user_agent", "last_seen_at", "ended_at",
}

// Writer writes uses to an io.Writer. It is not for concurrent use.
type Writer struct {
	csv   *csv.Writer
	begun bool
}

// NewWriter makes a Writer. Nothing is written before the first Write or Flush.
func NewWriter(w io.Writer) *Writer { return &Writer{csv: csv.NewWriter(w)} }

// Write writes one use. It may stay in a buffer until Flush.
func (w *Writer) Write(use models.AccessTokenUse) error {
	if err := w.begin(); err != nil {
		return err
	}
	return w.csv.Write([]string{
		number(use.ID), stamp(&use.At), number(use.TokenID), Cell(use.TokenLabel),
		Cell(use.Name), Cell(use.Email), Cell(use.IP), Cell(string(use.Channel)), Cell(use.UserAgent),
		stamp(use.LastSeenAt), stamp(use.EndedAt),
	})
}

// Flush writes what is in the buffer, and the first row where there was no use.
func (w *Writer) Flush() error {
	if err := w.begin(); err != nil {
		return err
	}
	w.csv.Flush()
	return w.csv.Error()
}

func (w *Writer) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	return w.csv.Write(columns)
}

func number(id uint) string { return strconv.FormatUint(uint64(id), 10) }

func stamp(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// formula finds where a spreadsheet would begin to read a formula: at the
// start of the text, and behind every character that some country's
// spreadsheets take for the end of a cell, whatever stands around it
// (OWASP, CSV Injection). Full-width signs count: some programs fold them.
var formula = regexp.MustCompile(`(^|[;,|\t\r\n])([\s\p{Z}\p{C}"']*)([=+\-@＝＋－＠])`)

// Cell makes a text from a stranger safe in a spreadsheet: an apostrophe
// before the sign makes text of what would be a formula. It also makes it safe
// on a terminal: control characters, and those that change the direction of
// writing, become U+FFFD. What models writes has none; other programs may.
func Cell(text string) string {
	return strings.Map(harmless, formula.ReplaceAllString(text, "$1$2'$3"))
}

func harmless(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
		return unicode.ReplacementChar
	}
	return r
}
