package ginviewpass_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	link := mustURL(t, newLinks(t, ginviewpass.Config{}), "/report/", permission)
	token := tokenOf(t, link)
	once := url.QueryEscape(link)
	for _, test := range []struct{ name, in, want string }{
		{"a link", "/report/?viewpass=TOKEN", "/report/?viewpass=REDACTED"},
		{"parameters around it", "/report/?a=1&viewpass=TOKEN&b=2", "/report/?a=1&viewpass=REDACTED&b=2"},
		{"a fragment behind it", "/report/?viewpass=TOKEN#top", "/report/?viewpass=REDACTED#top"},
		{"a link inside next", "/perimeter/gateway?next=ONCE", "/perimeter/gateway?next=%2Freport%2F%3Fviewpass%3DREDACTED"},
		{"a link inside next, and more", "/perimeter/gateway?next=ONCE%26a%3D1&b=2", "/perimeter/gateway?next=%2Freport%2F%3Fviewpass%3DREDACTED%26a%3D1&b=2"},
		{"a link inside next inside next", "/x?next=TWICE%2526a%253D1&b=2", "/x?next=%252Freport%252F%253Fviewpass%253DREDACTED%2526a%253D1&b=2"},
		{"a colon escaped", "/report/?viewpass=" + strings.Replace(token, ":", "%3a", 1), "/report/?viewpass=REDACTED"},
		{"a value with an escaped ampersand", "/report/?viewpass=abc%26def&b=2", "/report/?viewpass=REDACTED&b=2"},
		{"two links", "/report/?viewpass=TOKEN&viewpass=TOKEN", "/report/?viewpass=REDACTED&viewpass=REDACTED"},
		{"a cut link", "/report/?viewpass=" + token[:30], "/report/?viewpass=REDACTED"},
		{"an ampersand escaped for HTML", "/report/?a=1&amp;viewpass=TOKEN", "/report/?a=1&amp;viewpass=REDACTED"},
		{"the name in capitals", "/report/?VIEWPASS=TOKEN", "/report/?VIEWPASS=REDACTED"},
		{"the name escaped", "/report/?%76iewpass=TOKEN", "/report/?%76iewpass=REDACTED"},
		{"a link without a name", "TOKEN", "REDACTED"},
		{"an absolute URL in a line of a log", `GET "https://www.example.com/report/?viewpass=TOKEN" 200`, `GET "https://www.example.com/report/?viewpass=REDACTED" 200`},
		{"no value", "/report/?viewpass=", "/report/?viewpass=REDACTED"},
		{"no link", "/report/?a=1&b=%2F#x", "/report/?a=1&b=%2F#x"},
		{"the word alone", "/docs/viewpass/", "/docs/viewpass/"},
		{"a time of day", "at 12:30:150000000000000000000000", "at 12:30:150000000000000000000000"},
		{"nothing", "", ""},
	} {
		in := strings.NewReplacer("TOKEN", token, "ONCE", once, "TWICE", url.QueryEscape(once)).Replace(test.in)
		if got := ginviewpass.Redact(in); got != test.want {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}

// A stranger chooses what is logged: eight times as much junk must take about
// eight times as long, where a quadratic search takes 64 times.
func TestRedactIsLinear(t *testing.T) {
	for _, junk := range []string{"viewpass=", "viewpass%3D", "viewpass=%2526", "%25", "VVVVVVVV", "V:", "V:0123456789012345678901", "%2526"} {
		short, long := redacting(junk, 8<<10), redacting(junk, 64<<10)
		if long > 40*short {
			t.Errorf("8 KB of %q took %v, 64 KB took %v", junk, short, long)
		}
	}
}

// redacting is the shortest of a few times: what else the machine does only adds.
func redacting(junk string, size int) time.Duration {
	text := strings.Repeat(junk, size/len(junk))
	shortest := time.Hour
	for range 5 {
		start := time.Now()
		ginviewpass.Redact(text)
		shortest = min(shortest, time.Since(start))
	}
	return shortest
}
