package ginperimeter_test

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
)

// testCookie is one of many cookies, of all lengths that there may be.
func testCookie(i int) string {
	return strings.Repeat("c", i%251) + strings.Repeat("x", i%7*600) + strconv.Itoa(i)
}

func TestVisitsAreFoundByTheirCookieAlone(t *testing.T) {
	t.Parallel()
	const n = 20_000
	v := ginperimeter.NewVisits(n)
	for i := range n {
		v.Add(testCookie(i), int64(i+1))
	}
	lost := 0
	for i := range n {
		switch got := v.Find(testCookie(i)); got {
		case int64(i + 1):
		case 0:
			lost++
		default:
			t.Fatalf("cookie %d finds visit %d", i, got-1)
		}
	}
	if lost > n/1000 {
		t.Errorf("%d of %d are lost, though there is room", lost, n)
	}
	if held := v.Held(); held != n-lost {
		t.Errorf("%d are held, %d are found", held, n-lost)
	}
	for _, cookie := range []string{testCookie(n), testCookie(5)[1:], testCookie(5) + "x", testCookie(240) + " ", "", "\x00", strings.Repeat("c", 239), strings.Repeat("c", 240)} {
		if got := v.Find(cookie); got != 0 {
			t.Errorf("%.20q finds visit %d", cookie, got-1)
		}
	}
}

// A long cookie is known by its SHA-256: who sends that as a cookie must not be
// taken for its holder, nor the other way round.
func TestADigestIsNoCookie(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 100)
	digest := sha256.Sum256([]byte(long))
	v := ginperimeter.NewVisits(10)
	v.Add(long, 1)
	if got := v.Find(string(digest[:])); got != 0 {
		t.Error("the digest finds the visit of the long cookie")
	}
	v.Add(string(digest[:]), 2)
	if short, whole := v.Find(string(digest[:])), v.Find(long); short != 2 || whole != 1 {
		t.Errorf("found %d and %d", short, whole)
	}
}

func TestALaterVisitTakesThePlaceOfTheLast(t *testing.T) {
	t.Parallel()
	v := ginperimeter.NewVisits(100)
	for i := range 1000 {
		v.Add("the same", int64(i+1))
		v.Add(testCookie(i%50), int64(i+1))
	}
	if got := v.Find("the same"); got != 1000 {
		t.Errorf("found visit %d", got)
	}
	if held := v.Held(); held != 51 {
		t.Errorf("%d are held", held)
	}
}

func TestVisitsAreBounded(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 7, 100, 5000} {
		v := ginperimeter.NewVisits(most)
		for i := range 4 * most {
			v.Add(testCookie(i), int64(i+1))
			if i%most == 0 {
				if held := v.Held(); held > most {
					t.Fatalf("%d of at most %d are held", held, most)
				}
			}
			if v.Find(testCookie(i)) != int64(i+1) {
				t.Fatalf("of at most %d, the last that was added is not found", most)
			}
		}
		if held := v.Held(); held > most || held < most*9/10 {
			t.Errorf("%d of at most %d are held", held, most)
		}
	}
}

func TestVisitsFromManyAtOnce(t *testing.T) {
	t.Parallel()
	v := ginperimeter.NewVisits(2000)
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := range 4000 {
				n := part*4000 + i
				v.Add(testCookie(n), int64(n+1))
				for _, other := range []int{n, n / 2, (n * 7) % 32000} {
					if got := v.Find(testCookie(other)); got != 0 && got != int64(other+1) {
						t.Errorf("cookie %d finds visit %d", other, got-1)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if held := v.Held(); held > 2000 {
		t.Errorf("%d are held", held)
	}
}
