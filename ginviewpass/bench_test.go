package ginviewpass_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

// The benchmarks sign and verify a link to /report/ with the permission
// reporting.view_report for 30 days. No variant keeps a result. All get the
// bare token and the clock; ours gets the whole path and query, and compares
// them too.

const (
	benchPath       = "/report/"
	benchPermission = "reporting.view_report"
)

// payloadOf returns the bytes that the signature of a link without a query is
// computed over, for the floor.
func payloadOf(tb testing.TB, link string) []byte {
	tb.Helper()
	token := tokenOf(tb, link)
	head, _, _ := strings.Cut(token, ":")
	payload, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		tb.Fatal(err)
	}
	message := append([]byte{byte(len("viewpass/1"))}, "viewpass/1"...)
	message = append(message, byte(len(payload)))
	message = append(message, payload...)
	return append(message, 0)
}

// jsonClaims are the fields of a link for the comparison formats.
type jsonClaims struct {
	Permission string `json:"p"`
	Path       string `json:"u"`
	Expires    int64  `json:"e"`
}

func (c jsonClaims) holds(now time.Time) bool {
	return c.Path == benchPath && c.Permission == benchPermission && now.Unix() < c.Expires
}

func benchClaims() jsonClaims {
	return jsonClaims{Permission: benchPermission, Path: benchPath, Expires: noon.Add(30 * 24 * time.Hour).Unix()}
}

func signJSON(key []byte, c jsonClaims) (string, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	enc := base64.RawURLEncoding
	return enc.EncodeToString(body) + ":" + enc.EncodeToString(mac.Sum(nil)[:16]), nil
}

func verifyJSON(key []byte, token string) (c jsonClaims, err error) {
	head, tail, _ := strings.Cut(token, ":")
	body, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return c, err
	}
	given, err := base64.RawURLEncoding.DecodeString(tail)
	if err != nil {
		return c, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	if !hmac.Equal(given, mac.Sum(nil)[:16]) {
		return c, ginviewpass.ErrBadSignature
	}
	return c, json.Unmarshal(body, &c)
}

type jwtClaims struct {
	jwt.RegisteredClaims
	Permission string `json:"p"`
	Path       string `json:"u"`
}

func benchJWT() jwtClaims {
	return jwtClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			IssuedAt:  jwt.NewNumericDate(noon),
			ExpiresAt: jwt.NewNumericDate(noon.Add(30 * 24 * time.Hour)),
		},
		Permission: benchPermission, Path: benchPath,
	}
}

func BenchmarkVerify(b *testing.B) {
	key := testKey(1)
	links := newLinks(b, ginviewpass.Config{})
	link, err := links.URL(benchPath, benchPermission)
	if err != nil {
		b.Fatal(err)
	}
	now := noon.Add(time.Hour)

	b.Run("floor", func(b *testing.B) {
		message := payloadOf(b, link)
		mac := hmac.New(sha256.New, key)
		want := make([]byte, 0, 32)
		mac.Write(message)
		want = mac.Sum(want)
		sum := make([]byte, 0, 32)
		b.ReportAllocs()
		for b.Loop() {
			mac.Reset()
			mac.Write(message)
			if !hmac.Equal(mac.Sum(sum), want) {
				b.Fatal("differs")
			}
		}
	})
	b.Run("viewpass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			grant, err := links.Verify(link, now)
			if err != nil || grant.Permission != benchPermission {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(tokenOf(b, link))), "chars")
	})
	b.Run("naive-json", func(b *testing.B) {
		token, err := signJSON(key, benchClaims())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if c, err := verifyJSON(key, token); err != nil || !c.holds(now) {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(token)), "chars")
	})
	b.Run("securecookie", func(b *testing.B) {
		codec := securecookie.New(key, nil).SetSerializer(securecookie.JSONEncoder{}).MaxAge(0)
		token, err := codec.Encode("viewpass", benchClaims())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			var c jsonClaims
			if err := codec.Decode("viewpass", token, &c); err != nil || !c.holds(now) {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(token)), "chars")
	})
	b.Run("jwt", func(b *testing.B) {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, benchJWT()).SignedString(key)
		if err != nil {
			b.Fatal(err)
		}
		parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(func() time.Time { return now }))
		keyFunc := func(*jwt.Token) (any, error) { return key, nil }
		b.ReportAllocs()
		for b.Loop() {
			var c jwtClaims
			if _, err := parser.ParseWithClaims(token, &c, keyFunc); err != nil || c.Path != benchPath || c.Permission != benchPermission {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(token)), "chars")
	})
}

// BenchmarkVerifyRatio compares with the floor on a busy machine: short turns
// of both take place in alternation, and the shortest of each counts.
func BenchmarkVerifyRatio(b *testing.B) {
	const turn = 500 // calls: short enough that some turns are not disturbed
	links := newLinks(b, ginviewpass.Config{})
	link := mustURL(b, links, benchPath, benchPermission)
	message := payloadOf(b, link)
	mac := hmac.New(sha256.New, testKey(1))
	mac.Write(message)
	want := mac.Sum(nil)
	sum := make([]byte, 0, sha256.Size)
	floor, ours := time.Hour, time.Hour
	for b.Loop() {
		start := time.Now()
		for range turn {
			mac.Reset()
			mac.Write(message)
			if !hmac.Equal(mac.Sum(sum), want) {
				b.Fatal("differs")
			}
		}
		floor = min(floor, time.Since(start))
		start = time.Now()
		for range turn {
			if _, err := links.Verify(link, noon); err != nil {
				b.Fatal(err)
			}
		}
		ours = min(ours, time.Since(start))
	}
	b.ReportMetric(float64(floor)/turn, "floor-ns")
	b.ReportMetric(float64(ours)/turn, "viewpass-ns")
	b.ReportMetric(float64(ours)/float64(floor), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkSign(b *testing.B) {
	key := testKey(1)
	links := newLinks(b, ginviewpass.Config{})
	link, err := links.URL(benchPath, benchPermission)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("floor", func(b *testing.B) {
		message := payloadOf(b, link)
		mac := hmac.New(sha256.New, key)
		sum := make([]byte, 0, 32)
		b.ReportAllocs()
		for b.Loop() {
			mac.Reset()
			mac.Write(message)
			mac.Sum(sum)
		}
	})
	b.Run("viewpass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := links.URL(benchPath, benchPermission); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("naive-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := signJSON(key, benchClaims()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("securecookie", func(b *testing.B) {
		codec := securecookie.New(key, nil).SetSerializer(securecookie.JSONEncoder{})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.Encode("viewpass", benchClaims()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("jwt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jwt.NewWithClaims(jwt.SigningMethodHS256, benchJWT()).SignedString(key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMiddleware calls the handler itself, on a request that is set back
// before each call, so that neither Gin nor an earlier result is measured.
func BenchmarkMiddleware(b *testing.B) {
	links := newLinks(b, ginviewpass.Config{})
	link, err := links.URL(benchPath, benchPermission)
	if err != nil {
		b.Fatal(err)
	}
	handler := links.Middleware()
	for _, test := range []struct{ name, target string }{
		{"without a link", "/report/?page=2&year=2026"},
		{"with a link", link},
	} {
		b.Run(test.name, func(b *testing.B) {
			pristine := httptest.NewRequest(http.MethodGet, test.target, nil)
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			b.ReportAllocs()
			for b.Loop() {
				c.Keys = nil
				c.Request = pristine
				handler(c)
			}
		})
	}
}

// BenchmarkVerifyQuery shows what long queries cost, those of strangers
// included.
func BenchmarkVerifyQuery(b *testing.B) {
	links := newLinks(b, ginviewpass.Config{})
	for _, count := range []int{1, 10, 1000} {
		link, err := links.URL(benchPath+"?"+manyParams(count), benchPermission)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d parameters", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := links.Verify(link, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	links := newLinks(b, ginviewpass.Config{})
	plain, linked := newEngine(), newEngine()
	plain.LoadHTMLFiles(writeFile(b, "plain.html", `<a href="{{ .Link }}">Get public URL</a>`))
	links.Templates(linked)
	linked.LoadHTMLFiles(writeFile(b, "linked.html", `<a href="{{ viewpassURL "reporting.view_report" }}">Get public URL</a>`))
	plain.GET("/", func(c *gin.Context) { c.HTML(200, "plain.html", gin.H{"Link": "/report/?viewpass=A:B"}) })
	linked.GET("/", func(c *gin.Context) { c.HTML(200, "linked.html", nil) })
	for _, test := range []struct {
		name   string
		engine *gin.Engine
	}{{"a link from the data", plain}, {"viewpassURL", linked}} {
		b.Run(test.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				test.engine.ServeHTTP(w, r)
				if !bytes.Contains(w.Body.Bytes(), []byte("viewpass")) {
					b.Fatal(w.Body.String())
				}
			}
		})
	}
}
