package admin

import (
	"strings"
	"unicode/utf8"

	"github.com/mileusna/useragent"
)

// browser says in words what a User-Agent header claims, such as "Firefox 131
// on Windows". The text is a stranger's: it is cut first, and what comes of it
// is no more to be believed than it.
func browser(text string) string {
	text = cut(text, 512)
	if strings.TrimSpace(text) == "" {
		return "Not told"
	}
	ua := useragent.Parse(text)
	name := cut(strings.TrimSpace(ua.Name), 40)
	if name == "" || name == "Mozilla" {
		name = cut(text, 40)
	} else if major, _, _ := strings.Cut(ua.Version, "."); major != "" && len(major) <= 6 {
		name += " " + major
	}
	if place := system(ua); place != "" {
		name += " on " + place
	}
	return name
}

func system(ua useragent.UserAgent) string {
	if ua.Device == "iPhone" || ua.Device == "iPad" {
		return ua.Device
	}
	return cut(ua.OS, 40)
}

// cut shortens a text to n bytes at most, at the end of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
