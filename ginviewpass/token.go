package ginviewpass

import (
	"encoding/binary"
	"strings"
	"time"
)

// The bytes behind STRING1, as the package documentation lists them.
const (
	version   = 0x54 // 'V' in base64, in the upper six bits of the first byte
	flagNever = 1    // the link never expires

	// the id of the key is byte 1
	atIssued     = 2  // 5 bytes, big-endian: seconds since 1970, until the year 36812
	atTTL        = 7  // 4 bytes, big-endian: seconds, until 136 years; 0 with flagNever
	atSize       = 11 // 1 byte: length of the permission
	atPermission = 12
)

const (
	maxIssued     = 1<<40 - 1
	maxTTL        = 1<<32 - 1
	maxPermission = 200      // bytes
	maxToken      = 2048     // characters: addresses much longer break in old clients
	maxQuery      = 16 << 10 // bytes: bounds the work that a stranger can ask for
)

// claims are what a link says.
type claims struct {
	issued     int64 // seconds since 1970
	ttl        int64 // seconds; 0 means that the link never expires
	permission string
	path       string
}

// appendTo appends the payload for the key called id to dst.
func (c *claims) appendTo(dst []byte, id byte) []byte {
	first := byte(version)
	if c.ttl == 0 {
		first |= flagNever
	}
	dst = append(dst, first, id, byte(c.issued>>32))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.issued))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.ttl))
	dst = append(dst, byte(len(c.permission)))
	dst = append(dst, c.permission...)
	return append(dst, c.path...)
}

// parse reads a payload whose signature was right. It copies what it keeps:
// the permission, and the path unless c has the right one already.
func (c *claims) parse(payload []byte) error {
	if len(payload) <= atPermission || payload[0]&^flagNever != version {
		return ErrMalformed
	}
	c.issued = int64(payload[atIssued])<<32 | int64(binary.BigEndian.Uint32(payload[atIssued+1:]))
	c.ttl = int64(binary.BigEndian.Uint32(payload[atTTL:]))
	if never := payload[0]&flagNever != 0; never != (c.ttl == 0) {
		return ErrMalformed
	}
	end := atPermission + int(payload[atSize])
	if end == atPermission || end >= len(payload) {
		return ErrMalformed
	}
	c.permission = string(payload[atPermission:end])
	if path := payload[end:]; string(path) != c.path {
		c.path = string(path)
	}
	return nil
}

// expires is the end of the link's life in seconds since 1970, with the
// site's upper bound for all links; 0 means never.
func (c *claims) expires(maxAge time.Duration) int64 {
	ttl := c.ttl
	if bound := int64(maxAge / time.Second); bound > 0 && (ttl == 0 || ttl > bound) {
		ttl = bound
	}
	if ttl == 0 {
		return 0
	}
	return c.issued + ttl
}

// splitToken cuts a token into its two strings and reads the id of the key
// that is said to have signed it.
func splitToken(token string) (head, tail string, id byte, err error) {
	colon := strings.IndexByte(token, ':')
	if colon < 4 || len(token)-colon-1 != macText || len(token) > maxToken {
		return "", "", 0, ErrMalformed
	}
	first := sextets[0][token[0]] | sextets[1][token[1]] | sextets[2][token[2]]
	if first >= invalid || byte(first>>16)&^flagNever != version {
		return "", "", 0, ErrMalformed
	}
	return token[:colon], token[colon+1:], byte(first >> 8), nil
}
