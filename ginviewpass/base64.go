package ginviewpass

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// alphabet is base64url (RFC 4648, section 5) without padding.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// invalid marks characters outside of the alphabet, above the 24 bits that
// four characters stand for.
const invalid = 1 << 24

// sextets gives, for each place in a group of four, the bits that a character
// stands for there.
var sextets = func() (table [4][256]uint32) {
	for place := range table {
		for c := range table[place] {
			table[place][c] = invalid
		}
		for bits := range len(alphabet) {
			table[place][alphabet[bits]] = uint32(bits) << (18 - 6*place)
		}
	}
	return table
}()

// appendEncoded appends the text that stands for src.
func appendEncoded(dst, src []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, src)
}

// decodedLen is the number of bytes that size characters stand for.
func decodedLen(size int) int { return base64.RawURLEncoding.DecodedLen(size) }

// appendDecoded appends the bytes that text stands for. Each sequence of bytes
// has one text and no other is accepted: no padding, no stray bits in the last
// character, and no line breaks, which encoding/base64 skips even when it is
// strict.
func appendDecoded(dst []byte, text string) ([]byte, bool) {
	size := decodedLen(len(text))
	dst = slices.Grow(dst, size+1) // groups are written as four bytes
	end := len(dst) + size
	out := dst[len(dst) : end+1]
	var seen uint32
	for len(text) >= 4 && len(out) >= 4 {
		group := sextets[0][text[0]] | sextets[1][text[1]] | sextets[2][text[2]] | sextets[3][text[3]]
		binary.BigEndian.PutUint32(out, group<<8)
		seen |= group
		text, out = text[4:], out[3:]
	}
	switch len(text) {
	case 1:
		return dst, false // one character holds no byte
	case 2:
		group := sextets[0][text[0]] | sextets[1][text[1]]
		out[0] = byte(group >> 16)
		seen |= group | (group&0xffff+0xffff)<<8 // a stray bit makes it invalid
	case 3:
		group := sextets[0][text[0]] | sextets[1][text[1]] | sextets[2][text[2]]
		out[0], out[1] = byte(group>>16), byte(group>>8)
		seen |= group | (group&0xff+0xff)<<16
	}
	return dst[:end], seen < invalid
}

// isText tells whether text stands for some bytes.
func isText(text string) bool {
	_, ok := appendDecoded(nil, text)
	return ok
}
