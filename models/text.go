package models

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Widths of the text columns, in characters.
const (
	maxLabel     = 200
	maxName      = 200
	maxEmail     = 254 // RFC 5321, section 4.5.3.1.3
	maxIP        = 64
	maxUserAgent = 512
	maxActor     = 200
	maxRef       = 32
)

// clean makes a text storable in every database, and one line everywhere: what
// is not UTF-8 becomes U+FFFD, tabs and line ends become spaces, control and
// direction-changing characters go, and it is cut to width characters.
func clean(text string, width int) string {
	if len(text) > 4*width {
		text = text[:4*width]
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u3000', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:width]))
}

// searchKey is the form in which texts are compared by searches: cleaned and
// in lower case, so that no database's collation has a say.
func searchKey(text string, width int) string {
	return clean(strings.ToLower(text), width)
}
