package database

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// minKeyBytes is the shortest secret key: the output of SHA-256.
const minKeyBytes = 32

// maxKeyFileBytes keeps a wrong file name from filling the memory.
const maxKeyFileBytes = 64 << 10

// SecretKeyFile says where the secret key belonging to a SQLite database is
// kept: beside it, with the ending .key. ok is false for servers.
func SecretKeyFile(dsn string) (path string, ok bool) {
	kind, rest, err := split(dsn)
	if err != nil || kind != "sqlite" {
		return "", false
	}
	return rest + ".key", true
}

// LoadSecretKey gives the key that signs links and sessions. text is what the
// environment's SECRET_KEY holds and comes first: base64 of 32 bytes or more.
// Where it is empty the key is read from file; a missing file is made, with a
// new key and for its owner's eyes only, if create says so. The key is never
// part of an error.
func LoadSecretKey(text, file string, create bool) ([]byte, error) {
	if strings.TrimSpace(text) != "" {
		return decodeKey("SECRET_KEY", text)
	}
	if file == "" {
		return nil, errors.New("no secret key; set SECRET_KEY (make one with: openssl rand -base64 32)")
	}
	key, err := readKeyFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if !create {
		return nil, fmt.Errorf("no secret key; set SECRET_KEY (make one with: openssl rand -base64 32), or name its file; %s does not exist", file)
	}
	if err := makeKeyFile(file); err != nil {
		return nil, fmt.Errorf("making the secret key: %w; set SECRET_KEY instead, or check the directory", err)
	}
	return readKeyFile(file) // maybe another process's, which was faster
}

func readKeyFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret key: %w", err)
	}
	if info.Size() > maxKeyFileBytes {
		return nil, fmt.Errorf("%s is too large for a secret key; name another file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret key: %w", err)
	}
	return decodeKey(path, string(text))
}

// decodeKey takes both alphabets of base64, with and without padding.
func decodeKey(source, text string) ([]byte, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64; make a key with: openssl rand -base64 32", source)
	}
	if len(key) < minKeyBytes {
		return nil, fmt.Errorf("%s holds %d bytes; need at least %d (openssl rand -base64 32)", source, len(key), minKeyBytes)
	}
	return key, nil
}

// makeKeyFile writes a new key under another name and links it into place, so
// that of two processes at once both end up with the same, whole key.
func makeKeyFile(path string) error {
	var key [minKeyBytes]byte
	rand.Read(key[:])
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
