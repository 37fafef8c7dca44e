package ginviewpass_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

// model is the rules of the package documentation once more, written to be
// read: one key, no prefix, no bound for all links, no speed.
type model struct{ secret []byte }

// verify returns the error that Verify must return for a path and query.
func (m model) verify(target string, at time.Time) error {
	path, query, _ := strings.Cut(target, "?")
	token, canonicalQuery, err := m.readQuery(query)
	if err != nil {
		return err
	}
	head, tail, found := strings.Cut(token, ":")
	payload := m.decode(head)
	if !found || len(token) > 2048 || len(tail) != 22 || payload == nil || m.decode(tail) == nil || len(head) < 4 {
		return ginviewpass.ErrMalformed
	}
	if payload[0] != 0x54 && payload[0] != 0x55 {
		return ginviewpass.ErrMalformed
	}
	if payload[1] != m.derive("gin-perimeter ginviewpass key id", 1)[0] {
		return ginviewpass.ErrUnknownKey
	}
	if !bytes.Equal(m.decode(tail), m.sign(payload, canonicalQuery)) {
		return ginviewpass.ErrBadSignature
	}
	issued := int64(binary.BigEndian.Uint64(append([]byte{0, 0, 0}, payload[2:7]...)))
	ttl := int64(binary.BigEndian.Uint32(payload[7:11]))
	signedPath := string(payload[12+int(payload[11]):])
	switch {
	case m.canonicalPath(path) != signedPath:
		return ginviewpass.ErrWrongPath
	case issued > at.Unix()+60:
		return ginviewpass.ErrNotYetValid
	case payload[0] == 0x54 && at.Unix() >= issued+ttl:
		return ginviewpass.ErrExpired
	}
	return nil
}

func (m model) derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, m.secret, nil, purpose, size)
	if err != nil {
		panic(err)
	}
	return key
}

func (m model) sign(payload []byte, query string) []byte {
	mac := hmac.New(sha256.New, m.derive("gin-perimeter ginviewpass signature", 32))
	for _, part := range [][]byte{[]byte("viewpass/1"), payload, []byte(query)} {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write(part)
	}
	return mac.Sum(nil)[:16]
}

// decode returns nil for what is not the one text of its bytes.
func (m model) decode(text string) []byte {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != text {
		return nil
	}
	return decoded
}

func (m model) readQuery(raw string) (token, query string, err error) {
	if len(raw) > 16<<10 {
		return "", "", ginviewpass.ErrMalformed
	}
	values, parseErr := url.ParseQuery(raw)
	if parseErr != nil || strings.Contains(raw, "#") {
		if strings.Contains(raw, "viewpass") {
			return "", "", ginviewpass.ErrMalformed
		}
		return "", "", ginviewpass.ErrNoLink
	}
	tokens := values["viewpass"]
	if len(tokens) > 1 {
		return "", "", ginviewpass.ErrMalformed
	}
	var names []string
	for name := range values {
		if len(tokens) == 0 && strings.HasSuffix(name, ";viewpass") {
			return "", "", ginviewpass.ErrMalformed
		}
		if name != "viewpass" && !slices.Contains(ginviewpass.DefaultIgnoredParams(), name) && !strings.HasPrefix(name, "utm_") {
			names = append(names, name)
		}
	}
	if len(tokens) == 0 {
		return "", "", ginviewpass.ErrNoLink
	}
	plain := slices.ContainsFunc(strings.Split(raw, "&"), func(pair string) bool { return strings.HasPrefix(pair, "viewpass=") })
	if !plain {
		return "", "", ginviewpass.ErrMalformed
	}
	sort.Strings(names)
	var pairs []string
	for _, name := range names {
		for _, value := range values[name] {
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	return tokens[0], strings.Join(pairs, "&"), nil
}

// canonicalPath returns "" for a path that no link can be for.
func (m model) canonicalPath(escaped string) string {
	if !strings.HasPrefix(escaped, "/") || strings.ContainsAny(escaped, "?#") {
		return ""
	}
	segments := strings.Split(escaped[1:], "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil || strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
			return ""
		}
		for _, part := range strings.Split(decoded, "/") {
			if part == "." || part == ".." || part == "" && (decoded != "" || i < len(segments)-1) {
				return ""
			}
		}
		// url.PathEscape also escapes what RFC 3986 lets stand
		segments[i] = strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";").Replace(url.PathEscape(decoded))
	}
	return "/" + strings.Join(segments, "/")
}
