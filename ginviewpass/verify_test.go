package ginviewpass_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

func TestVerifyTellsWhatALinkGrants(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	for _, test := range []struct {
		name   string
		option []ginviewpass.Option
		want   ginviewpass.Grant
	}{
		{"by default", nil, grantUntil(noon.Add(month))},
		{"for three days", opts(ginviewpass.ExpiresIn(72 * time.Hour)), grantUntil(noon.Add(72 * time.Hour))},
		{"until a moment", opts(ginviewpass.ExpiresAt(noon.Add(time.Minute + time.Millisecond))), grantUntil(noon.Add(time.Minute))},
		{"for ever", opts(ginviewpass.NeverExpires()), grantUntil(time.Time{})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := links.Verify(mustURL(t, links, "/report/?b=2&a=1&utm_source=x", permission, test.option...), noon)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("grant %+v; want %+v", got, test.want)
			}
		})
	}
}

func grantUntil(end time.Time) ginviewpass.Grant {
	return ginviewpass.Grant{Permission: permission, Path: "/report/", Query: "a=1&b=2", IssuedAt: noon, ExpiresAt: end}
}

func TestALinkLivesForItsTime(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	bounded := newLinks(t, ginviewpass.Config{MaxAge: time.Hour})
	hour := mustURL(t, links, "/a", permission, ginviewpass.ExpiresIn(time.Hour))
	never := mustURL(t, links, "/a", permission, ginviewpass.NeverExpires())
	for _, test := range []struct {
		name  string
		links *ginviewpass.Links
		link  string
		after time.Duration
		want  error
	}{
		{"at once", links, hour, 0, nil},
		{"a moment before the end", links, hour, time.Hour - time.Nanosecond, nil},
		{"at the end", links, hour, time.Hour, ginviewpass.ErrExpired},
		{"long after", links, hour, 1000 * time.Hour, ginviewpass.ErrExpired},
		{"made by a clock that is a minute ahead", links, hour, -time.Minute, nil},
		{"made by a clock that is more ahead", links, hour, -61 * time.Second, ginviewpass.ErrNotYetValid},
		{"one without an end, after a century", links, never, 100 * 365 * 24 * time.Hour, nil},
		{"one without an end, under a bound", bounded, never, time.Hour - 1, nil},
		{"one without an end, after the bound", bounded, never, time.Hour, ginviewpass.ErrExpired},
		{"a longer one, after the bound", bounded, mustURL(t, links, "/a", permission), time.Hour, ginviewpass.ErrExpired},
		{"a shorter one, after its end", bounded, mustURL(t, links, "/a", permission, ginviewpass.ExpiresIn(time.Minute)), time.Minute, ginviewpass.ErrExpired},
		{"the default under a bound", bounded, mustURL(t, bounded, "/a", permission), time.Hour - 1, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			grant, err := test.links.Verify(test.link, noon.Add(test.after))
			if !errors.Is(err, test.want) {
				t.Errorf("error %v; want %v", err, test.want)
			}
			if grant.Permission != permission {
				t.Errorf("the grant does not tell what the link says: %+v", grant)
			}
		})
	}
}

func TestSpellingsOfOnePage(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{IgnoredParams: append(ginviewpass.DefaultIgnoredParams(), "lang")})
	for _, test := range []struct {
		name   string
		signed string
		opened string // LINK stands for viewpass=…
		want   error
	}{
		{"parameters in another order", "/r?a=1&b=2", "/r?b=2&LINK&a=1", nil},
		{"the link first", "/r?a=1", "/r?LINK&a=1", nil},
		{"values of a name in their order", "/r?a=1&a=2", "/r?a=1&LINK&a=2", nil},
		{"values of a name in another order", "/r?a=1&a=2", "/r?a=2&a=1&LINK", ginviewpass.ErrBadSignature},
		{"an ignored parameter added", "/r?a=1", "/r?a=1&LINK&utm_source=mail&gclid=x", nil},
		{"an ignored parameter taken off", "/r?a=1&fbclid=7", "/r?a=1&LINK", nil},
		{"an ignored parameter changed", "/r?mc_eid=1", "/r?mc_eid=2&LINK", nil},
		{"an ignored parameter of the host's", "/r", "/r?LINK&lang=de", nil},
		{"an ignored name in capitals", "/r", "/r?LINK&UTM_source=x", ginviewpass.ErrBadSignature},
		{"a name that only begins like an ignored one", "/r", "/r?LINK&gclid2=x", ginviewpass.ErrBadSignature},
		{"a parameter added", "/r", "/r?LINK&a=1", ginviewpass.ErrBadSignature},
		{"a parameter added before", "/r", "/r?a=1&LINK", ginviewpass.ErrBadSignature},
		{"an empty parameter added", "/r", "/r?LINK&a", ginviewpass.ErrBadSignature},
		{"a parameter without a name added", "/r", "/r?LINK&=1", ginviewpass.ErrBadSignature},
		{"a parameter taken off", "/r?a=1&b=2", "/r?a=1&LINK", ginviewpass.ErrBadSignature},
		{"a parameter changed", "/r?a=1", "/r?a=2&LINK", ginviewpass.ErrBadSignature},
		{"a parameter doubled", "/r?a=1", "/r?a=1&a=1&LINK", ginviewpass.ErrBadSignature},
		{"two parameters melted into one", "/r?a=1&b=2", "/r?a=1%26b%3D2&LINK", ginviewpass.ErrBadSignature},
		{"a name in capitals", "/r?a=1", "/r?A=1&LINK", ginviewpass.ErrBadSignature},
		{"empty pairs", "/r?a=1", "/r?&a=1&&LINK&", nil},
		{"a plus sign for a space", "/r?a=x%20y", "/r?a=x+y&LINK", nil},
		{"a space for a plus sign", "/r?a=x+y", "/r?a=x%20y&LINK", nil},
		{"an escaped plus sign for a plus sign", "/r?a=x+y", "/r?a=x%2By&LINK", ginviewpass.ErrBadSignature},
		{"needless escapes in the query", "/r?a=x", "/r?%61=%78&LINK", nil},
		{"small hex digits in the query", "/r?a=%C3%BC", "/r?a=%c3%bc&LINK", nil},
		{"Unicode in another composition", "/r?a=%C3%BC", "/r?a=u%CC%88&LINK", ginviewpass.ErrBadSignature},
		{"a colon escaped in the link", "/r", "/r?ESCAPED", nil},
		{"needless escapes in the path", "/~u/x", "/%7Eu/%78?LINK", nil},
		{"small hex digits in the path", "/%C3%BC", "/%c3%bc?LINK", nil},
		{"Unicode as it is", "/ü", "/%C3%BC?LINK", nil},
		{"a path of another composition", "/%C3%BC", "/u%CC%88?LINK", ginviewpass.ErrWrongPath},
		{"a plus sign escaped in the path", "/a+b", "/a%2Bb?LINK", nil},
		{"a plus sign in the path is no space", "/a+b", "/a%20b?LINK", ginviewpass.ErrWrongPath},
		{"a slash escaped in the path", "/a/b", "/a%2Fb?LINK", ginviewpass.ErrWrongPath},
		{"a slash no longer escaped in the path", "/a%2Fb", "/a/b?LINK", ginviewpass.ErrWrongPath},
		{"an escape escaped", "/a%2541", "/aA?LINK", ginviewpass.ErrWrongPath},
		{"a slash added at the end", "/r", "/r/?LINK", ginviewpass.ErrWrongPath},
		{"the slash at the end taken off", "/r/", "/r?LINK", ginviewpass.ErrWrongPath},
		{"another case", "/r", "/R?LINK", ginviewpass.ErrWrongPath},
		{"another page", "/r", "/s?LINK", ginviewpass.ErrWrongPath},
		{"a page below", "/r/", "/r/s?LINK", ginviewpass.ErrWrongPath},
		{"a page above", "/r/s", "/r/?LINK", ginviewpass.ErrWrongPath},
		{"dot segments that lead there", "/r", "/s/../r?LINK", ginviewpass.ErrWrongPath},
		{"escaped dot segments that lead there", "/r", "/s/%2e%2e/r?LINK", ginviewpass.ErrWrongPath},
		{"a double slash before it", "/r", "//r?LINK", ginviewpass.ErrWrongPath},
		{"a backslash for the slash", "/a/r", "/a%5Cr?LINK", ginviewpass.ErrWrongPath},
		{"a NUL after it", "/r", "/r%00?LINK", ginviewpass.ErrWrongPath},
		{"a path parameter after it", "/r", "/r;x?LINK", ginviewpass.ErrWrongPath},
		{"the query drawn into the path", "/r?a=1", "/r%3Fa=1?LINK", ginviewpass.ErrBadSignature},
		{"the path drawn into the query", "/a/r", "/a?/r&LINK", ginviewpass.ErrBadSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token := tokenOf(t, mustURL(t, links, test.signed, permission))
			opened := strings.ReplaceAll(test.opened, "LINK", "viewpass="+token)
			opened = strings.ReplaceAll(opened, "ESCAPED", "viewpass="+strings.ReplaceAll(token, ":", "%3A"))
			if _, err := links.Verify(opened, noon); !errors.Is(err, test.want) {
				t.Errorf("Verify(%q): %v; want %v", opened, err, test.want)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	token := tokenOf(t, mustURL(t, links, "/r", permission))
	other := tokenOf(t, mustURL(t, links, "/r", permission, ginviewpass.NeverExpires()))
	head, tail, _ := strings.Cut(token, ":")
	otherHead, otherTail, _ := strings.Cut(other, ":")
	stranger := newLinks(t, ginviewpass.Config{Keys: [][]byte{testKey(9)}})
	for _, test := range []struct {
		name string
		link string
		want error
	}{
		{"nothing", "", ginviewpass.ErrNoLink},
		{"no query", "/r", ginviewpass.ErrNoLink},
		{"no link", "/r?a=1", ginviewpass.ErrNoLink},
		{"the word in a value", "/r?next=viewpass", ginviewpass.ErrNoLink},
		{"a link for another page in a value", "/r?next=%2Fs%3Fviewpass%3Dx%3Ay", ginviewpass.ErrNoLink},
		{"an empty link", "/r?viewpass=", ginviewpass.ErrMalformed},
		{"a name alone", "/r?viewpass", ginviewpass.ErrMalformed},
		{"a colon alone", "/r?viewpass=:", ginviewpass.ErrMalformed},
		{"the first string alone", "/r?viewpass=" + head, ginviewpass.ErrMalformed},
		{"no signature", "/r?viewpass=" + head + ":", ginviewpass.ErrMalformed},
		{"no claims", "/r?viewpass=:" + tail, ginviewpass.ErrMalformed},
		{"a cut signature", "/r?viewpass=" + token[:len(token)-1], ginviewpass.ErrMalformed},
		{"cut claims", "/r?viewpass=" + head[:len(head)-3] + ":" + tail, ginviewpass.ErrBadSignature},
		{"claims cut to a length that no bytes have", "/r?viewpass=" + head[:len(head)-2] + ":" + tail, ginviewpass.ErrMalformed},
		{"two signatures", "/r?viewpass=" + token + ":" + tail, ginviewpass.ErrMalformed},
		{"two links", "/r?viewpass=" + token + "&viewpass=" + token, ginviewpass.ErrMalformed},
		{"a name that no log would know", "/r?%76iewpass=" + token, ginviewpass.ErrMalformed},
		{"such a name beside the right one in a value", "/r?a=viewpass=&viewp%61ss=" + token, ginviewpass.ErrMalformed},
		{"two links, one spelt differently", "/r?viewpass=" + token + "&%76iewpass=" + token, ginviewpass.ErrMalformed},
		{"a link and an empty one", "/r?viewpass=&viewpass=" + token, ginviewpass.ErrMalformed},
		{"the signature of another link", "/r?viewpass=" + head + ":" + otherTail, ginviewpass.ErrBadSignature},
		{"the claims of another link", "/r?viewpass=" + otherHead + ":" + tail, ginviewpass.ErrBadSignature},
		{"the link of a stranger", mustURL(t, stranger, "/r", permission), ginviewpass.ErrUnknownKey},
		{"padding", "/r?viewpass=" + head + "=:" + tail, ginviewpass.ErrMalformed},
		{"padding at the end", "/r?viewpass=" + token + "==", ginviewpass.ErrMalformed},
		{"an escaped line break in the claims", "/r?viewpass=" + head[:8] + "%0A" + head[8:] + ":" + tail, ginviewpass.ErrMalformed},
		{"an escaped line break in the signature", "/r?viewpass=" + token[:len(token)-4] + "%0D%0A" + token[len(token)-4:], ginviewpass.ErrMalformed},
		{"a blank at the end", "/r?viewpass=" + token + "%20", ginviewpass.ErrMalformed},
		{"a full stop at the end", "/r?viewpass=" + token + ".", ginviewpass.ErrMalformed},
		{"base64 of the other alphabet", "/r?viewpass=" + head[:8] + "%2B" + head[9:] + ":" + tail, ginviewpass.ErrMalformed},
		{"stray bits at the end", "/r?viewpass=" + token[:len(token)-1] + string(token[len(token)-1]+1), ginviewpass.ErrMalformed},
		{"another version", "/r?viewpass=W" + token[1:], ginviewpass.ErrMalformed},
		{"the reserved flag", "/r?viewpass=" + withFirstByte(t, token, 0x56), ginviewpass.ErrMalformed},
		{"the flag of no end, added", "/r?viewpass=" + withFirstByte(t, token, 0x55), ginviewpass.ErrBadSignature},
		{"an ampersand escaped for HTML", "/r?a=1&amp;viewpass=" + token, ginviewpass.ErrMalformed},
		{"an ampersand escaped for HTML, its semicolon for the query", "/r?a=1&amp%3Bviewpass=" + token, ginviewpass.ErrMalformed},
		{"a semicolon for the ampersand", "/r?a=1;viewpass=" + token, ginviewpass.ErrMalformed},
		{"a bad escape beside the link", "/r?viewpass=" + token + "&a=%zz", ginviewpass.ErrMalformed},
		{"a bad escape and no link", "/r?a=%zz", ginviewpass.ErrNoLink},
		{"a fragment", "/r?viewpass=" + token + "#top", ginviewpass.ErrMalformed},
		{"a fragment and a parameter", "/r?a=1#&viewpass=" + token, ginviewpass.ErrMalformed},
		{"a token of 3 KB", "/r?viewpass=" + strings.Repeat("V", 3000) + ":" + tail, ginviewpass.ErrMalformed},
		{"a query of 17 KB", "/r?viewpass=" + token + "&utm_x=" + strings.Repeat("x", 17<<10), ginviewpass.ErrMalformed},
		{"a second question mark", "/r?viewpass=" + token + "?", ginviewpass.ErrMalformed},
		{"quoted-printable", "/r?viewpass=3D" + token, ginviewpass.ErrMalformed},
		{"an absolute URL without a path", "https://www.example.com", ginviewpass.ErrNoLink},
		{"an absolute URL of another page", "https://www.example.com?viewpass=" + token, ginviewpass.ErrWrongPath},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			grant, err := links.Verify(test.link, noon)
			if !errors.Is(err, test.want) {
				t.Errorf("Verify(%q): %v; want %v", test.link, err, test.want)
			}
			if err != ginviewpass.ErrWrongPath && grant != (ginviewpass.Grant{}) {
				t.Errorf("a grant that nobody signed: %+v", grant)
			}
		})
	}
}

// withFirstByte replaces version and flags.
func withFirstByte(tb testing.TB, token string, first byte) string {
	tb.Helper()
	head, tail, _ := strings.Cut(token, ":")
	payload, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		tb.Fatal(err)
	}
	payload[0] = first
	return base64.RawURLEncoding.EncodeToString(payload) + ":" + tail
}

// What only a program with the key can make, and no version of ours does: a
// right signature must not stand in for a right form.
func TestASignedLinkOfAWrongForm(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	m := model{testKey(1)}
	id := m.derive("gin-perimeter ginviewpass key id", 1)[0]
	issued := []byte{0, 0x6a, 0xf5, 0xaa, 0x40}
	for _, test := range []struct {
		name    string
		payload []byte
		want    error
	}{
		{"complete", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 1, 0, 1, 'p', '/', 'r'}}, nil), nil},
		{"without an end", bytes.Join([][]byte{{0x55, id}, issued, {0, 0, 0, 0, 1, 'p', '/', 'r'}}, nil), nil},
		{"no time to live, and no flag that says so", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 0, 0, 1, 'p', '/', 'r'}}, nil), ginviewpass.ErrMalformed},
		{"a time to live, and a flag that denies it", bytes.Join([][]byte{{0x55, id}, issued, {0, 0, 1, 0, 1, 'p', '/', 'r'}}, nil), ginviewpass.ErrMalformed},
		{"no permission", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 1, 0, 0, '/', 'r'}}, nil), ginviewpass.ErrMalformed},
		{"no path", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 1, 0, 1, 'p'}}, nil), ginviewpass.ErrMalformed},
		{"a permission longer than the rest", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 1, 0, 9, 'p', '/', 'r'}}, nil), ginviewpass.ErrMalformed},
		{"nothing after the times", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 1, 0}}, nil), ginviewpass.ErrMalformed},
		{"nothing after the time of issue", bytes.Join([][]byte{{0x54, id}, issued}, nil), ginviewpass.ErrMalformed},
		{"nothing after the key", []byte{0x54, id, 0}, ginviewpass.ErrMalformed},
		{"a path with an end of its own", bytes.Join([][]byte{{0x54, id}, issued, {0, 0, 1, 0, 1, 'p', '/', 'r', 0}}, nil), ginviewpass.ErrWrongPath},
	} {
		enc := base64.RawURLEncoding
		link := "/r?viewpass=" + enc.EncodeToString(test.payload) + ":" + enc.EncodeToString(m.sign(test.payload, ""))
		if _, err := links.Verify(link, noon); !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", test.name, err, test.want)
		}
	}
}

// An address with any one bit turned over is another address, or the same
// page and query by another spelling, which the link itself never is.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	for _, page := range []string{"/report/", "/b%C3%BCcher/a+b?year=2026&q=x%20y+z"} {
		for _, option := range opts(ginviewpass.ExpiresIn(time.Hour), ginviewpass.NeverExpires()) {
			link := mustURL(t, links, page, permission, option)
			for i := range len(link) {
				for bit := range 8 {
					flipped := []byte(link)
					flipped[i] ^= 1 << bit
					if grant, err := links.Verify(string(flipped), noon); err == nil && !sameSpelling(link, string(flipped)) {
						t.Errorf("byte %d, bit %d: %q holds: %+v", i, bit, flipped, grant)
					}
				}
			}
		}
	}
}

// sameSpelling tells whether two addresses differ only in the case of hex
// digits behind a percent sign.
func sameSpelling(a, b string) bool {
	for i := range len(a) {
		if a[i] != b[i] {
			return a[i]^b[i] == 0x20 && (strings.HasSuffix(a[:i], "%") || i > 1 && a[i-2] == '%')
		}
	}
	return true
}

func TestEveryCutRefuses(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	link := mustURL(t, links, "/report/?a=1", permission)
	for i := range len(link) {
		if _, err := links.Verify(link[:i], noon); err == nil {
			t.Errorf("the first %d characters hold: %q", i, link[:i])
		}
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	old, fresh := testKey(1), testKey(2)
	before := newLinks(t, ginviewpass.Config{Keys: [][]byte{old}})
	during := newLinks(t, ginviewpass.Config{Keys: [][]byte{fresh, old}})
	after := newLinks(t, ginviewpass.Config{Keys: [][]byte{fresh}})
	oldLink := mustURL(t, before, "/report/", permission)
	newLink := mustURL(t, during, "/report/", permission)
	for _, test := range []struct {
		name  string
		links *ginviewpass.Links
		link  string
		want  error
	}{
		{"an old link while both keys are there", during, oldLink, nil},
		{"an old link once its key is gone", after, oldLink, ginviewpass.ErrUnknownKey},
		{"a new link while both keys are there", during, newLink, nil},
		{"a new link once the old key is gone", after, newLink, nil},
		{"a new link on a server that was not told of the key", before, newLink, ginviewpass.ErrUnknownKey},
	} {
		if _, err := test.links.Verify(test.link, noon); !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", test.name, err, test.want)
		}
	}
}

// The id of a key is one byte. Keys that share it must all be tried.
func TestKeysWithTheSameID(t *testing.T) {
	t.Parallel()
	first, second := testKey(1), testKey(1)
	second[0], second[1] = 183, 2 // found by trying
	if idOf(t, first) != idOf(t, second) {
		t.Fatal("the keys have different ids: look for others")
	}
	links := newLinks(t, ginviewpass.Config{Keys: [][]byte{first, second}})
	for _, key := range [][]byte{first, second} {
		link := mustURL(t, newLinks(t, ginviewpass.Config{Keys: [][]byte{key}}), "/r", permission)
		if _, err := links.Verify(link, noon); err != nil {
			t.Error(err)
		}
	}
	if _, err := newLinks(t, ginviewpass.Config{Keys: [][]byte{second}}).Verify(mustURL(t, links, "/r", permission), noon); !errors.Is(err, ginviewpass.ErrBadSignature) {
		t.Errorf("another key with the same id: %v; want ErrBadSignature", err)
	}
}

func idOf(tb testing.TB, key []byte) byte {
	tb.Helper()
	token := tokenOf(tb, mustURL(tb, newLinks(tb, ginviewpass.Config{Keys: [][]byte{key}}), "/r", permission))
	payload, err := base64.RawURLEncoding.DecodeString(token[:4])
	if err != nil {
		tb.Fatal(err)
	}
	return payload[1]
}

func TestLongQueries(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	for _, test := range []struct{ name, query string }{
		{"8 KB in one parameter", "q=" + strings.Repeat("x", 8<<10)},
		{"a thousand parameters", manyParams(1000)},
		{"a thousand values of one name", strings.Repeat("a=1&", 1000)},
	} {
		link := mustURL(t, links, "/r?"+test.query, permission)
		if _, err := links.Verify(link, noon); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, err := links.Verify(link+"&a=2", noon); !errors.Is(err, ginviewpass.ErrBadSignature) {
			t.Errorf("%s, and one more: %v; want ErrBadSignature", test.name, err)
		}
	}
}

func TestAPrefixIsPrintedAndNotSigned(t *testing.T) {
	t.Parallel()
	bare := newLinks(t, ginviewpass.Config{})
	mounted := newLinks(t, ginviewpass.Config{BaseURL: "https://www.example.com/app"})
	link := mustURL(t, mounted, "/report/", permission)
	for _, test := range []struct {
		name  string
		links *ginviewpass.Links
		link  string
		want  error
	}{
		{"as printed", mounted, link, nil},
		{"as the routes see it", mounted, strings.TrimPrefix(link, "/app"), nil},
		{"after the site moved out of the prefix", bare, strings.TrimPrefix(link, "/app"), nil},
		{"with the prefix where there is none", bare, link, ginviewpass.ErrWrongPath},
		{"with a longer first segment", mounted, "/app2" + strings.TrimPrefix(link, "/app"), ginviewpass.ErrWrongPath},
	} {
		if _, err := test.links.Verify(test.link, noon); !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", test.name, err, test.want)
		}
	}
}
