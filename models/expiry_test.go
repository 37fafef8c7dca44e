package models_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestParseExpiry(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	now := time.Date(2026, 10, 24, 12, 0, 0, 0, berlin) // the night after, clocks go back
	for text, want := range map[string]time.Time{
		"7d":                        now.Add(7 * 24 * time.Hour),
		"1d":                        now.Add(24 * time.Hour),
		"72h":                       now.Add(72 * time.Hour),
		"1h30m":                     now.Add(90 * time.Minute),
		" 7d ":                      now.Add(7 * 24 * time.Hour),
		"2026-10-24":                time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), // holds through this day
		"2026-10-25":                time.Date(2026, 10, 26, 0, 0, 0, 0, berlin), // 25 hours long
		"2026-12-31":                time.Date(2027, 1, 1, 0, 0, 0, 0, berlin),
		"2028-02-29":                time.Date(2028, 3, 1, 0, 0, 0, 0, berlin),
		"2026-12-31T12:00:00Z":      time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC),
		"2026-12-31T12:00:00+02:00": time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC),
		"never":                     models.Never,
		"Never":                     models.Never,
	} {
		if got, err := models.ParseExpiry(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, reason := range map[string]string{
		"": "is not an expiry", "soon": "is not an expiry", "7": "is not an expiry", "d": "is not an expiry", "0d": "is not an expiry",
		"-7d": "is not an expiry", "+7d": "is not an expiry", "7.5d": "is not an expiry", "36501d": "is not an expiry", "99999999999999999999d": "is not an expiry",
		"2026-13-01": "is not an expiry", "2027-02-29": "is not an expiry", "31.12.2026": "is not an expiry", "-3h": "is not an expiry",
		"2026-10-23": "in the past", "2026-10-24T09:00:00Z": "in the past", "9999-12-31": "write never",
	} {
		var invalid *models.InvalidError
		if got, err := models.ParseExpiry(text, now); !errors.As(err, &invalid) || !strings.Contains(err.Error(), reason) || !got.IsZero() {
			t.Errorf("%q: %v, %v; want %q", text, got, err, reason)
		}
	}
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"anna@example.com", "anna.b+c@sub.example.co.uk", "O'Brien@example.com", "anna@bücher.example", "用户@例子.中国",
		strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + "." + strings.Repeat("c", 60) + ".com",
	} {
		if err := models.CheckEmail(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{
		"", "anna", "anna@", "@example.com", "anna@localhost", "anna@example.", "anna@.com", "anna @example.com", " anna@example.com",
		"Anna <anna@example.com>", "anna@example.com, bob@example.com", "anna@[127.0.0.1]", "anna@example.com\r\nBcc: x@example.com",
		"anna@exa\x00mple.com", "anna@exa\xffmple.com", strings.Repeat("a", 250) + "@example.com", "anna(comment)@example.com",
	} {
		var invalid *models.InvalidError
		if err := models.CheckEmail(address); !errors.As(err, &invalid) {
			t.Errorf("%q: %v, want an error", address, err)
		}
	}
}

func FuzzParseExpiry(f *testing.F) {
	for _, seed := range []string{"7d", "72h", "2026-12-31", "never", "2026-12-31T00:00:00Z", "", "-1d", "106751d", "0001-01-01", "9999-12-31"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := models.ParseExpiry(text, noon)
		if err == nil && (!at.After(noon) || at.After(models.Never)) {
			t.Errorf("%q is %v", text, at)
		}
	})
}
