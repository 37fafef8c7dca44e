package ginviewpass

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"
	"sync"
)

const (
	domain    = "viewpass/1" // keeps these signatures apart from any other use of the key
	macSize   = 16           // bytes that are kept of the 32: forging takes 2^128 tries
	keptQuery = 4 << 10      // bytes of scratch space that go back into the pool at most
)

// text is the encoding of both strings of a link. Strict refuses a last
// character with stray bits, so that one signature has one spelling.
var text = base64.RawURLEncoding.Strict()

// key is one of Config.Keys in the form that signs and verifies.
type key struct {
	id   byte      // tells which key signed, without telling anything of it
	pool sync.Pool // of *seal
}

// seal computes signatures. It keeps the state of HMAC after the key, which
// is half of the work of a short message.
type seal struct {
	mac     hash.Hash
	message []byte
	sum     [sha256.Size]byte
}

func newKey(secret []byte) (*key, error) {
	subkey, err := hkdf.Key(sha256.New, secret, nil, "gin-perimeter ginviewpass signature", sha256.Size)
	if err != nil {
		return nil, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, "gin-perimeter ginviewpass key id", 1)
	if err != nil {
		return nil, err
	}
	k := &key{id: id[0]}
	k.pool.New = func() any { return &seal{mac: hmac.New(sha256.New, subkey)} }
	return k, nil
}

// sign appends the text of the signature of payload and query to dst.
func (k *key) sign(dst, payload []byte, query string) []byte {
	s := k.pool.Get().(*seal)
	defer k.release(s)
	s.begin(len(payload))
	s.message = append(s.message, payload...)
	return text.AppendEncode(dst, s.end(query))
}

// open returns the bytes behind head, which is STRING1, if tail, which is
// STRING2, is their signature together with query.
func (k *key) open(head, tail, query string) (payload string, err error) {
	s := k.pool.Get().(*seal)
	defer k.release(s)
	s.begin(text.DecodedLen(len(head)))
	start := len(s.message)
	if s.message, err = appendDecoded(s.message, head); err != nil {
		return "", err
	}
	end := len(s.message)
	var given [macSize]byte
	claimed, err := appendDecoded(given[:0], tail)
	if err != nil || len(claimed) != macSize {
		return "", ErrMalformed
	}
	if !hmac.Equal(claimed, s.end(query)) {
		return "", ErrBadSignature
	}
	return string(s.message[start:end]), nil
}

func (k *key) release(s *seal) {
	if cap(s.message) <= keptQuery {
		k.pool.Put(s)
	}
}

// begin starts a message that goes on with a payload of the given length.
func (s *seal) begin(payload int) {
	s.message = append(s.message[:0], byte(len(domain)))
	s.message = append(s.message, domain...)
	s.message = binary.AppendUvarint(s.message, uint64(payload))
}

// end completes the message and returns its signature, valid until the next
// use of s.
func (s *seal) end(query string) []byte {
	s.message = binary.AppendUvarint(s.message, uint64(len(query)))
	s.message = append(s.message, query...)
	s.mac.Reset()
	s.mac.Write(s.message)
	return s.mac.Sum(s.sum[:0])[:macSize]
}

// appendDecoded appends the bytes behind encoded. Nothing but the one text
// that stands for these bytes is accepted.
func appendDecoded(dst []byte, encoded string) ([]byte, error) {
	if strings.IndexByte(encoded, '\n') >= 0 || strings.IndexByte(encoded, '\r') >= 0 {
		return dst, ErrMalformed // base64 would skip them, Strict or not
	}
	dst, err := text.AppendDecode(dst, []byte(encoded))
	if err != nil {
		return dst, ErrMalformed
	}
	return dst, nil
}
