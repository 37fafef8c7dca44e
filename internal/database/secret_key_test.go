package database_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
)

func TestSecretKeyFileLiesBesideASQLiteDatabase(t *testing.T) {
	t.Parallel()
	cases := []struct {
		dsn, path string
		ok        bool
	}{
		{"example.db", "example.db.key", true},
		{"sqlite:/data/site.db", "/data/site.db.key", true},
		{"postgres://u@h/db", "", false},
		{"mysql://u@h/db", "", false},
		{"", "", false},
	}
	for _, c := range cases {
		if path, ok := database.SecretKeyFile(c.dsn); path != c.path || ok != c.ok {
			t.Errorf("SecretKeyFile(%q) = %q, %v; want %q, %v", c.dsn, path, ok, c.path, c.ok)
		}
	}
}

func TestLoadSecretKeyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xff, 0x01}, 11) // 33 bytes, with + and / in base64
	cases := []struct{ name, text, wrong string }{
		{"standard", base64.StdEncoding.EncodeToString(key), ""},
		{"URL alphabet without padding", base64.RawURLEncoding.EncodeToString(key), ""},
		{"with white space around", " " + base64.StdEncoding.EncodeToString(key) + "\n", ""},
		{"not base64", "hunter2!hunter2!", "SECRET_KEY is not base64"},
		{"too short", base64.StdEncoding.EncodeToString(key[:31]), "holds 31 bytes; need at least 32"},
		{"none", "", "openssl rand -base64 32"},
		{"blank", "  ", "openssl rand -base64 32"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := database.LoadSecretKey(c.text, "", true)
			if c.wrong != "" {
				if err == nil {
					t.Fatal("accepted")
				}
				checkLine(t, err, c.wrong)
				return
			}
			if err != nil || !bytes.Equal(got, key) {
				t.Errorf("got %x, %v", got, err)
			}
		})
	}
}

func TestLoadSecretKeyMakesAFileOnceAndForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "site.db.key")
	if _, err := database.LoadSecretKey("", file, false); err == nil {
		t.Fatal("found a key that is not there")
	} else {
		checkLine(t, err, "does not exist")
	}
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := database.LoadSecretKey("", file, true)
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(key)
		})
	}
	all.Wait()
	for _, key := range keys {
		if key != keys[0] || len(key) != 32 {
			t.Fatal("eight at once did not get one whole key")
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestLoadSecretKeyRefusesAFileThatIsNoKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cases := []struct{ name, content, want string }{
		{"garbage", "hunter2 \x00", "is not base64"},
		{"empty", "", "holds 0 bytes"},
		{"huge", strings.Repeat("A", 1<<20), "too large"},
	}
	for _, c := range cases {
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := database.LoadSecretKey("", file, true)
		if err == nil {
			t.Fatalf("%s: accepted", c.name)
		}
		checkLine(t, err, c.want)
	}
	if _, err := database.LoadSecretKey("", filepath.Join(dir, "no", "key"), true); err == nil {
		t.Error("made a key in a directory that is not there")
	}
}
