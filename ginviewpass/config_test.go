package ginviewpass_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

func TestNewNamesMistakes(t *testing.T) {
	t.Parallel()
	good := [][]byte{testKey(1)}
	for _, test := range []struct {
		name   string
		config ginviewpass.Config
		want   string
	}{
		{"no key", ginviewpass.Config{}, "Keys is empty"},
		{"an empty key", ginviewpass.Config{Keys: [][]byte{{}}}, "Keys[0] is 0 bytes; need at least 32"},
		{"a short key", ginviewpass.Config{Keys: [][]byte{testKey(1)[:31]}}, "Keys[0] is 31 bytes; need at least 32"},
		{"a short second key", ginviewpass.Config{Keys: [][]byte{testKey(1), []byte("123456789")}}, "Keys[1] is 9 bytes"},
		{"a key of zeros", ginviewpass.Config{Keys: [][]byte{make([]byte, 32)}}, "Keys[0] is one byte repeated"},
		{"a key twice", ginviewpass.Config{Keys: [][]byte{testKey(1), testKey(2), testKey(1)}}, "Keys[2] repeats Keys[0]"},
		{"a negative bound", ginviewpass.Config{Keys: good, MaxAge: -1}, "MaxAge is -1ns"},
		{"a bound below a second", ginviewpass.Config{Keys: good, MaxAge: time.Millisecond}, "MaxAge is 1ms"},
		{"a negative lifetime", ginviewpass.Config{Keys: good, DefaultLifetime: -time.Hour}, "DefaultLifetime is -1h"},
		{"a lifetime below a second", ginviewpass.Config{Keys: good, DefaultLifetime: time.Millisecond}, "DefaultLifetime is 1ms"},
		{"a lifetime beyond the bound", ginviewpass.Config{Keys: good, MaxAge: time.Hour, DefaultLifetime: 2 * time.Hour}, "DefaultLifetime 2h0m0s is longer than MaxAge 1h0m0s"},
		{"an empty ignored name", ginviewpass.Config{Keys: good, IgnoredParams: []string{"a", ""}}, `IgnoredParams[1] is ""`},
		{"everything ignored", ginviewpass.Config{Keys: good, IgnoredParams: []string{"*"}}, `IgnoredParams[0] is "*"`},
		{"the link ignored", ginviewpass.Config{Keys: good, IgnoredParams: []string{"viewpass"}}, "cannot be ignored"},
		{"the link ignored by a prefix", ginviewpass.Config{Keys: good, IgnoredParams: []string{"view*"}}, "cannot be ignored"},
		{"a relative base", ginviewpass.Config{Keys: good, BaseURL: "/app"}, "BaseURL is not an absolute http or https URL"},
		{"a base without a scheme", ginviewpass.Config{Keys: good, BaseURL: "www.example.com"}, "BaseURL is not an absolute"},
		{"a base of another scheme", ginviewpass.Config{Keys: good, BaseURL: "javascript://www.example.com"}, "BaseURL is not an absolute"},
		{"a base that is no URL", ginviewpass.Config{Keys: good, BaseURL: "https://%zz"}, "BaseURL is not an absolute"},
		{"a base with a user", ginviewpass.Config{Keys: good, BaseURL: "https://a:b@www.example.com"}, "BaseURL has a user"},
		{"a base with a query", ginviewpass.Config{Keys: good, BaseURL: "https://www.example.com/?a=1"}, "BaseURL has a user, a query"},
		{"a base with a fragment", ginviewpass.Config{Keys: good, BaseURL: "https://www.example.com/#"}, "or a fragment"},
		{"a base with dot segments", ginviewpass.Config{Keys: good, BaseURL: "https://www.example.com/a/../b"}, "BaseURL has a path that cannot be linked to"},
		{"a wrong colour", ginviewpass.Config{Keys: good, Look: templates.Look{Accent: "blue"}}, `Look.Accent "blue"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			links, err := ginviewpass.New(test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
			if links != nil {
				t.Error("Links came with the error")
			}
		})
	}
}

func TestNewListsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := ginviewpass.New(ginviewpass.Config{
		Keys:          [][]byte{[]byte("short"), nil},
		MaxAge:        -1,
		IgnoredParams: []string{""},
		BaseURL:       "nowhere",
		Look:          templates.Look{Accent: "blue"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Keys[0]", "Keys[1]", "MaxAge", "IgnoredParams[0]", "BaseURL", "Accent"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in: %v", want, err)
		}
	}
}

func TestErrorsOfNewShowNoKey(t *testing.T) {
	t.Parallel()
	secret := []byte("correct horse battery")
	_, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{secret}})
	if err == nil || strings.Contains(err.Error(), "horse") {
		t.Errorf("error %v", err)
	}
}

func TestKeysAreCopied(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	links := newLinks(t, ginviewpass.Config{Keys: [][]byte{key}})
	link := mustURL(t, links, "/report/", permission)
	clear(key)
	if _, err := links.Verify(link, noon); err != nil {
		t.Errorf("after the caller wiped its key: %v", err)
	}
}

// HMAC fills short keys up with zeros: without the derivation of subkeys these
// two were one key.
func TestAKeyWithAZeroByteMoreIsAnotherKey(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	one := newLinks(t, ginviewpass.Config{Keys: [][]byte{key}})
	other := newLinks(t, ginviewpass.Config{Keys: [][]byte{append(bytes.Clone(key), 0)}})
	if _, err := other.Verify(mustURL(t, one, "/report/", permission), noon); err == nil {
		t.Error("the longer key verifies what the shorter one signed")
	}
}
