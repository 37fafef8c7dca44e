package models

import (
	"net/mail"
	"strings"
	"unicode/utf8"
)

// CheckEmail accepts an address as people have it: net/mail reads it as
// exactly what was given, the domain has a dot, and it is at most 254 bytes
// (RFC 5321). Whether it exists is not known. Its error is an *InvalidError.
func CheckEmail(address string) error {
	invalid := &InvalidError{"email", "does not look like an email address"}
	if len(address) > maxEmail || !utf8.ValidString(address) {
		return invalid
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" {
		return invalid
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	if !strings.Contains(strings.Trim(domain, "."), ".") || strings.HasPrefix(domain, "[") {
		return invalid
	}
	return nil
}

func tooLong(text string, width int) bool { return utf8.RuneCountInString(text) > width }
