package ginviewpass

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

const (
	domain    = "viewpass/1" // keeps these signatures apart from any other use of the key
	macSize   = 16           // bytes that are kept of the 32: forging takes 2^128 tries
	macText   = 22           // characters of base64 for these
	keptQuery = 4 << 10      // bytes of scratch space that go back into the pool at most
)

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
	text    [macText]byte
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
	return append(dst, s.end(query)...)
}

// open reads the payload behind head, which is STRING1, into c, if tail, which
// is STRING2, is its signature together with query.
func (k *key) open(c *claims, head, tail, query string) error {
	s := k.pool.Get().(*seal)
	defer k.release(s)
	s.begin(decodedLen(len(head)))
	start := len(s.message)
	var ok bool
	if s.message, ok = appendDecoded(s.message, head); !ok {
		return ErrMalformed
	}
	end := len(s.message)
	if !hmac.Equal([]byte(tail), s.end(query)) {
		return ErrBadSignature
	}
	return c.parse(s.message[start:end])
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

// end completes the message and returns the text of its signature, valid until
// the next use of s. Comparing texts leaves one spelling for each signature.
func (s *seal) end(query string) []byte {
	s.message = binary.AppendUvarint(s.message, uint64(len(query)))
	s.message = append(s.message, query...)
	s.mac.Reset()
	s.mac.Write(s.message)
	sum := s.mac.Sum(s.sum[:0])
	return appendEncoded(s.text[:0], sum[:macSize])
}
