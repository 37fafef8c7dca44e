package ginviewpass

import (
	"encoding/binary"
	"strings"
	"time"
)

const (
	version       = 0x54 // 'V' in base64, in the upper six bits of the first byte
	flagNever     = 1    // the link never expires
	maxToken      = 2048 // characters: addresses beyond 2 KB break in old clients
	maxSeconds    = 1<<40 - 1
	maxUvarint    = 6 // bytes of maxSeconds
	maxQuery      = 16 << 10
	maxPermission = 200 // bytes
)

// claims are what a link says.
type claims struct {
	issued     int64 // seconds since 1970
	ttl        int64 // seconds; 0 with never
	never      bool
	permission string
	path       string
}

// appendTo appends the payload for the key called id to dst.
func (c claims) appendTo(dst []byte, id byte) []byte {
	first := byte(version)
	if c.never {
		first |= flagNever
	}
	dst = append(dst, first, id)
	dst = binary.AppendUvarint(dst, uint64(c.issued))
	if !c.never {
		dst = binary.AppendUvarint(dst, uint64(c.ttl))
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.permission)))
	dst = append(dst, c.permission...)
	return append(dst, c.path...)
}

// parseClaims reads a payload whose signature was right.
func parseClaims(payload string) (claims, error) {
	if len(payload) < 2 || payload[0]&^flagNever != version {
		return claims{}, ErrMalformed
	}
	c := claims{never: payload[0]&flagNever != 0}
	rest := payload[2:]
	var ok bool
	if c.issued, rest, ok = cutUvarint(rest); !ok {
		return claims{}, ErrMalformed
	}
	if !c.never {
		if c.ttl, rest, ok = cutUvarint(rest); !ok || c.ttl == 0 {
			return claims{}, ErrMalformed
		}
	}
	size, rest, ok := cutUvarint(rest)
	if !ok || size == 0 || size > maxPermission || size >= int64(len(rest)) {
		return claims{}, ErrMalformed
	}
	c.permission, c.path = rest[:size], rest[size:]
	return c, nil
}

// cutUvarint reads a number up to maxSeconds in its shortest form.
func cutUvarint(s string) (n int64, rest string, ok bool) {
	for i := 0; i < len(s) && i < maxUvarint; i++ {
		n |= int64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, s[i+1:], n <= maxSeconds && (s[i] != 0 || i == 0)
		}
	}
	return 0, "", false
}

// expires is the end of c's life with the site's upper bound for all links,
// or zero for never.
func (c claims) expires(maxAge time.Duration) time.Time {
	var end time.Time
	issued := time.Unix(c.issued, 0).UTC()
	if !c.never {
		end = time.Unix(c.issued+c.ttl, 0).UTC()
	}
	if latest := issued.Add(maxAge); maxAge > 0 && (c.never || latest.Before(end)) {
		end = latest
	}
	return end
}

// splitToken cuts a token into its two strings and reads the id of the key
// that is said to have signed it.
func splitToken(token string) (head, tail string, id byte, err error) {
	head, tail, ok := strings.Cut(token, ":")
	if !ok || len(token) > maxToken || len(head) < 4 {
		return "", "", 0, ErrMalformed
	}
	var buf [3]byte
	first, err := appendDecoded(buf[:0], head[:4])
	if err != nil || len(first) < 2 || first[0]&^flagNever != version {
		return "", "", 0, ErrMalformed
	}
	return head, tail, first[1], nil
}
