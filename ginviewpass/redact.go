package ginviewpass

import (
	"regexp"
	"strings"
)

// redacted stands where a link was.
const redacted = "REDACTED"

var (
	// linkParam finds the beginning of a viewpass parameter, also in an address
	// that was escaped, once or several times, to be a parameter of another one.
	linkParam = regexp.MustCompile(`(?i)viewpass(?:=|%(?:25)*3d)`)

	// signature finds the second string of a link and the colon before it,
	// whatever the parameter is called.
	signature = regexp.MustCompile(`(?::|%(?:25)*3[aA])[A-Za-z0-9_-]{22}`)

	// separator finds what may end a value.
	separator = regexp.MustCompile("[&#\\s\"'`<>]|%(?:25)*2[36]")
)

// Redact takes links out of an address that is to be logged: the values of
// viewpass parameters, cut and damaged ones included, and what looks like a
// link elsewhere, also in an address inside another, as in
// "/perimeter/gateway?next=%2Freport%2F%3Fviewpass%3D…". All else stays as it
// is. A whole line of a log may be passed too.
func Redact(address string) string {
	var b strings.Builder
	rest := address
	for {
		at := linkParam.FindStringIndex(rest)
		if at == nil {
			break
		}
		b.WriteString(rest[:at[1]])
		b.WriteString(redacted)
		level := depth(rest[at[0]+len(Param) : at[1]])
		rest = rest[at[1]:]
		rest = rest[valueEnd(rest, level):]
	}
	b.WriteString(rest)
	return redactTokens(b.String())
}

// redactTokens takes out what has the looks of a link: a V, base64url, a
// colon, and a signature.
func redactTokens(s string) string {
	var b strings.Builder
	for {
		at := signature.FindStringIndex(s)
		if at == nil {
			b.WriteString(s)
			return b.String()
		}
		head := at[0]
		for head > 0 && sextets[0][s[head-1]] < invalid {
			head--
		}
		if v := strings.IndexByte(s[head:at[0]], 'V'); v >= 0 {
			b.WriteString(s[:head+v])
			b.WriteString(redacted)
		} else {
			b.WriteString(s[:at[1]])
		}
		s = s[at[1]:]
	}
}

// valueEnd returns where a value ends that was escaped level times: at the
// next separator that was not escaped more often than that.
func valueEnd(s string, level int) int {
	end := 0
	for {
		at := separator.FindStringIndex(s[end:])
		if at == nil {
			return len(s)
		}
		if depth(s[end+at[0]:end+at[1]]) <= level {
			return end + at[0]
		}
		end += at[1]
	}
}

// depth tells how often a single character was percent-encoded: 0 for "&",
// 1 for "%26", 2 for "%2526".
func depth(escaped string) int {
	if escaped[0] != '%' {
		return 0
	}
	return (len(escaped) - 1) / 2
}
