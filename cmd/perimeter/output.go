package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Times are printed in the local zone for people and in UTC for programs.
// What strangers typed may be printed on a terminal: it goes through plain, or
// through JSON that has only printable characters.

func local(at time.Time) string { return at.Local().Format("2006-01-02 15:04") }

// stamp is a time in JSON: RFC 3339 in UTC, or null.
func stamp(at *time.Time) *string {
	if at == nil {
		return nil
	}
	text := at.UTC().Format(time.RFC3339)
	return &text
}

// plain keeps a text from steering the terminal: control characters and those
// that change the direction of writing become U+FFFD, and it stays one line.
func plain(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func (a *app) printJSON(value any) error {
	text, err := marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, text)
	return err
}

// marshal writes what would steer a terminal as \u escapes, which JSON's own
// rules only ask of some.
func marshal(value any) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	var safe strings.Builder
	for _, r := range strings.TrimSuffix(text.String(), "\n") {
		if steers(r) {
			fmt.Fprintf(&safe, "\\u%04x", r)
			continue
		}
		safe.WriteRune(r)
	}
	return safe.String(), nil
}

// printArray writes a JSON array row by row.
func printArray[T any](a *app, each func(visit func(T) error) error, view func(T) any) error {
	between := "[\n"
	err := each(func(row T) error {
		text, err := marshal(view(row))
		if err != nil {
			return err
		}
		_, err = io.WriteString(a.out, between+"  "+text)
		between = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	if between == "[\n" {
		_, err = io.WriteString(a.out, "[]\n")
		return err
	}
	_, err = io.WriteString(a.out, "\n]\n")
	return err
}

func upperFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
