package models

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Generated tokens are 23 random characters and a check character, shown in
// six groups of four: about 114 bits. The alphabet leaves out 0, O, 1, I and L,
// which are mistaken for each other; its 31 characters are a prime number, so
// that the weighted sum below finds every single wrong character and every two
// that changed places.
const (
	alphabet    = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	tokenLength = 24
	groupLength = 4
	hintLength  = 4
)

// MaxTokenBytes is the longest text that can be a token.
const MaxTokenBytes = 256

// MinCustomLength is the shortest custom token, in characters.
const MinCustomLength = 12

// TokenKind is what a text can be told to be by looking at it alone.
type TokenKind int

// The kinds of a text that somebody entered as a token.
const (
	TokenBlank     TokenKind = iota // nothing but white space
	TokenInvalid                    // can't be any token: too long, control characters, not UTF-8
	TokenMistyped                   // has the shape of a generated token, but a slip in it
	TokenGenerated                  // a whole generated token; whether it exists is another question
	TokenCustom                     // anything else
)

// GenerateToken makes a token from crypto/rand, such as
// "7KQM-X2RD-PW9T-4HCB-NE6V-GZ3F". Case and hyphens don't matter when it is
// entered.
func GenerateToken() string {
	var values [tokenLength]byte
	for i := range tokenLength - 1 {
		values[i] = randomIndex()
	}
	values[tokenLength-1] = checkValue(values[:tokenLength-1])
	var text strings.Builder
	for i, v := range values {
		if i > 0 && i%groupLength == 0 {
			text.WriteByte('-')
		}
		text.WriteByte(alphabet[v])
	}
	return text.String()
}

// randomIndex draws from the alphabet without bias.
func randomIndex() byte {
	var b [1]byte
	for {
		rand.Read(b[:])                   // never fails: it ends the program instead
		if b[0] < 8*byte(len(alphabet)) { // 248, the largest multiple of 31 in a byte
			return b[0] % byte(len(alphabet))
		}
	}
}

func checkValue(values []byte) byte {
	sum := 0
	for i, v := range values {
		sum += (i + 1) * int(v)
	}
	return byte(sum % len(alphabet))
}

// ReadToken tells what kind of token an entered text is, and gives the form
// whose digest is stored: white space around it is dropped, and of a generated
// token also hyphens and case. The text is not trusted; it may be of any
// length and content.
func ReadToken(text string) (canonical string, kind TokenKind) {
	if len(text) > 4*MaxTokenBytes {
		return "", TokenInvalid
	}
	trimmed := strings.TrimFunc(text, isSpace)
	if trimmed == "" {
		return "", TokenBlank
	}
	if len(trimmed) > MaxTokenBytes || !utf8.ValidString(trimmed) || strings.ContainsFunc(trimmed, unicode.IsControl) {
		return "", TokenInvalid
	}
	compact, groups := splitGroups(trimmed)
	if !generatedShape(compact, groups) {
		return trimmed, TokenCustom
	}
	if !checks(compact) {
		return "", TokenMistyped
	}
	return compact, TokenGenerated
}

// HoldsToken tells whether a text has a token in it that somebody entered,
// however it is spelt there: such a text must not be stored.
func HoldsToken(text, token string) bool {
	canonical, kind := ReadToken(token)
	switch kind {
	case TokenGenerated:
		compact, _ := splitGroups(text)
		return strings.Contains(compact, canonical)
	case TokenCustom:
		return strings.Contains(text, canonical)
	}
	return false
}

// isSpace also takes the invisible characters that mail programs and chat
// windows put around a copied text.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff'
}

// splitGroups drops spaces and hyphens, also the dashes that a phone's
// keyboard makes of hyphens, and counts what they separated by length.
func splitGroups(text string) (compact string, groups []int) {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r == '-' || (r >= '\u2010' && r <= '\u2015') || r == '\u2212' || isSpace(r)
	})
	for _, w := range words {
		groups = append(groups, len(w))
	}
	return strings.ToUpper(strings.Join(words, "")), groups
}

// generatedShape tells whether a text is, or was meant to be, a generated
// token: 24 characters of the alphabet in any grouping, or six groups of
// letters and digits most of which have four.
func generatedShape(compact string, groups []int) bool {
	if len(compact) == tokenLength && strings.Trim(compact, alphabet) == "" {
		return true
	}
	fours := 0
	for _, n := range groups {
		if n < groupLength-1 || n > groupLength+1 {
			return false
		}
		if n == groupLength {
			fours++
		}
	}
	return len(groups) == tokenLength/groupLength && fours >= 4 && !strings.ContainsFunc(compact, notAlphanumeric)
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}

func checks(compact string) bool {
	if len(compact) != tokenLength {
		return false
	}
	var values [tokenLength]byte
	for i := range values {
		at := strings.IndexByte(alphabet, compact[i])
		if at < 0 {
			return false
		}
		values[i] = byte(at)
	}
	return checkValue(values[:tokenLength-1]) == values[tokenLength-1]
}

// DigestToken is the SHA-256 of a token in the canonical form that ReadToken
// gives, in lower-case hexadecimal. Generated tokens carry over 100 bits of
// chance, so that a fast digest without salt does; custom ones can be guessed
// offline by who holds the database.
func DigestToken(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(sum[:])
}

// checkCustom tells why a text cannot be a custom token.
func checkCustom(text string) (canonical string, err error) {
	canonical, kind := ReadToken(text)
	switch {
	case kind == TokenBlank:
		return "", &InvalidError{"token", "is empty"}
	case kind == TokenInvalid:
		return "", &InvalidError{"token", fmt.Sprintf("must be at most %d bytes of text without control characters", MaxTokenBytes)}
	case kind == TokenMistyped || kind == TokenGenerated:
		return "", &InvalidError{"token", "looks like a generated token, which is a reserved shape; choose another text"}
	case utf8.RuneCountInString(canonical) < MinCustomLength:
		return "", &InvalidError{"token", fmt.Sprintf("must have at least %d characters", MinCustomLength)}
	case strings.Trim(canonical, "0123456789") == "":
		return "", &InvalidError{"token", "must not be digits alone; they are guessed too easily"}
	}
	return canonical, nil
}
