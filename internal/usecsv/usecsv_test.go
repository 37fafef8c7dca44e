package usecsv_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-perimeter/gin-perimeter/internal/usecsv"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestCell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"plain text":                   {"Anna Example", "Anna Example"},
		"empty":                        {"", ""},
		"equals":                       {"=1+1", "'=1+1"},
		"plus":                         {"+491234", "'+491234"},
		"minus":                        {"-2", "'-2"},
		"at":                           {"@SUM(A1)", "'@SUM(A1)"},
		"full-width equals":            {"＝1", "'＝1"},
		"behind a space":               {" =1", " '=1"},
		"behind a no-break space":      {"\u00a0=1", "\u00a0'=1"},
		"behind a zero-width space":    {"\u200b=1", "\u200b'=1"},
		"behind a quote":               {`"=1`, `"'=1`},
		"in the next cell by ;":        {"Anna;=HYPERLINK(1)", "Anna;'=HYPERLINK(1)"},
		"in the next cell by , and \"": {`Anna","=1`, `Anna","'=1`},
		"in the next line":             {"Anna\n=1", "Anna\ufffd'=1"},
		"behind empty lines":           {"Anna\r\n\t\n=1", "Anna\ufffd\ufffd\ufffd\ufffd'=1"},
		"terminal escapes":             {"\x1b[31mred\x9b0m", "\ufffd[31mred\ufffd0m"},
		"other direction":              {"a\u202eb", "a\ufffdb"},
		"signs inside a text":          {"a=b+c-d@e", "a=b+c-d@e"},
		"an email address":             {"anna@example.com", "anna@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := usecsv.Cell(test.text); got != test.want {
				t.Errorf("Cell(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 12, 14, 3, 0, 0, time.FixedZone("", 3600))
	var buf bytes.Buffer
	w := usecsv.NewWriter(&buf)
	err := w.Write(models.AccessTokenUse{ID: 7, TokenID: 3, TokenLabel: "=label", Name: "Anna, \"A\"", Email: "anna@example.com",
		IP: "::1", Channel: models.ChannelForm, UserAgent: "@ua", At: at, EndedAt: &at})
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&buf).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"7", "2026-11-12T13:03:00Z", "3", "'=label", "Anna, \"A\"", "anna@example.com", "::1", "form", "'@ua", "", "2026-11-12T13:03:00Z"}
	if len(rows) != 2 || strings.Join(rows[1], "|") != strings.Join(want, "|") || len(rows[0]) != len(want) {
		t.Errorf("rows = %q, want the columns and %q", rows, want)
	}
}

func TestWriterWithoutUses(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	if err := usecsv.NewWriter(&buf).Flush(); err != nil {
		t.Fatal(err)
	}
	if got := buf.String(); !strings.HasPrefix(got, "id,at,") || strings.Count(got, "\n") != 1 {
		t.Errorf("an empty export is %q, want the columns alone", got)
	}
}

func TestWriterReportsFailure(t *testing.T) {
	t.Parallel()
	w := usecsv.NewWriter(failing{})
	if err := w.Write(models.AccessTokenUse{}); err != nil {
		t.Fatal(err) // buffered
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush = %v, want the writer's error", err)
	}
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

// FuzzCell holds Cell to what it promises: no cell begins a formula in any
// program that splits at some separator, nothing steers a terminal, and a text
// without signs and control characters stays as it is.
func FuzzCell(f *testing.F) {
	for _, text := range []string{"", "Anna", "=1", " =1", "\t=1", "a;=1", "a\"=1", "\u200b@x", "a\r\n+1", "＝1", "\x1b]0;x\x07", "'=1", "a=b", "\xff=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cell := usecsv.Cell(text)
		for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(";,|", r) }) {
			if begin := strings.TrimLeft(part, " \"\u00a0\u200b"); begin != "" && strings.ContainsAny(begin[:1], "=+-@") {
				t.Errorf("Cell(%q) = %q begins a formula with %q", text, cell, begin)
			}
		}
		if strings.ContainsFunc(cell, unicode.IsControl) {
			t.Errorf("Cell(%q) = %q has control characters", text, cell)
		}
		if !strings.ContainsAny(text, "=+-@＝＋－＠") && utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 && cell != text {
			t.Errorf("Cell(%q) = %q changes a plain text", text, cell)
		}
	})
}
