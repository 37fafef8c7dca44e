package templates

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"unicode/utf8"
)

// styleSheet reads style.css as it will stand between the style tags. The
// embedded one loses its comments and indentation; a host's stays as written.
func styleSheet(files overlay) (string, error) {
	css, err := inlineFile(files, "style.css", "</style")
	if err != nil || files.replaces("style.css") {
		return css, err
	}
	return compactCSS(css), nil
}

// script reads gateway.js as it will stand between the script tags. A comment
// opener or a script tag inside would change where browsers see its end
// (HTML Living Standard, 13.2.5, script data escaped states).
func script(files overlay) (string, error) {
	js, err := inlineFile(files, "gateway.js", "</script", "<script", "<!--")
	if err != nil || files.replaces("gateway.js") {
		return js, err
	}
	return jsIndent.ReplaceAllString(js, ""), nil
}

// inlineFile reads a file that is sent inside a page, as a browser's parser
// will see it: its hash is taken over that. It refuses text in which the
// parser would see an end before the end, or other characters than were sent.
func inlineFile(files fs.FS, name string, forbidden ...string) (string, error) {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return "", fmt.Errorf("templates: %w", err)
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("templates: %s is not UTF-8 text without NUL; save it as UTF-8", name)
	}
	lower := strings.ToLower(text)
	for _, f := range forbidden {
		if strings.Contains(lower, f) {
			return "", fmt.Errorf("templates: %s contains %q, which would end it inside the page; write it otherwise", name, f)
		}
	}
	return text, nil
}

var (
	jsIndent   = regexp.MustCompile(`(?m)^[ \t]+|^[ \t]*//.*\n`)
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssBlank   = regexp.MustCompile(`\s*([{};,>])\s*`)
)

// compactCSS takes comments and needless blanks out of the embedded
// stylesheet, whose strings hold neither comment signs nor these characters.
func compactCSS(css string) string {
	css = cssComment.ReplaceAllString(css, "")
	css = cssBlank.ReplaceAllString(css, "$1")
	css = strings.ReplaceAll(css, ": ", ":") // after a property or feature; never in a selector
	return strings.ReplaceAll(strings.TrimSpace(css), ";}", "}")
}

// policy is the Content-Security-Policy of a page: its inline style by the
// hash, no script, nothing from elsewhere but the host's own pictures.
func policy(css string) string {
	return "default-src 'none'; style-src " + hashSource(css) +
		"; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action "
}

// gatewayPolicy allows the one script too. Its form may end anywhere on the
// web: browsers hold form-action against the redirects after a form as well,
// and a page behind the gate may send its visitors on to sign in elsewhere.
func gatewayPolicy(css, js string) string {
	return policy(css) + "http: https:; script-src " + hashSource(js)
}

// hashSource is the CSP source expression of an inline style or script
// (CSP Level 3, section 2.3.1).
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
