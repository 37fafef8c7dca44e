package models

import (
	"strconv"
	"strings"
	"time"
)

// DefaultExpiry is how long a token lives unless said otherwise.
const DefaultExpiry = 7 * 24 * time.Hour

// Never is the expiry of a token that does not expire. It is said explicitly;
// the zero time stands for DefaultExpiry.
var Never = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// ParseExpiry reads an expiry as people write it: a number of days ("7d"), a
// duration ("72h"), a date that holds through that day in now's location
// ("2026-12-31"), a time (RFC 3339), or "never". It must lie after now.
func ParseExpiry(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "never") {
		return Never, nil
	}
	at, ok := readTime(text, now)
	if !ok {
		return time.Time{}, &InvalidError{"expires", "is not an expiry; write 7d, 72h, 2026-12-31 or never"}
	}
	if !at.After(now) {
		return time.Time{}, &InvalidError{"expires", "lies in the past"}
	}
	if !at.Before(Never) {
		return time.Time{}, &InvalidError{"expires", "is too far away; write never"}
	}
	return at, nil
}

func readTime(text string, now time.Time) (time.Time, bool) {
	if age, err := ParseAge(text); err == nil {
		return now.Add(age), true
	}
	if date, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return date.AddDate(0, 0, 1), true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

// ParseAge reads a positive length of time: "90d", or what time.ParseDuration
// takes. The longest is 100 years.
func ParseAge(text string) (time.Duration, error) {
	invalid := &InvalidError{"duration", "is not a length of time; write 90d or 36h"}
	const longest = 100 * 365 * 24 * time.Hour
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n == 0 || n > uint64(longest/(24*time.Hour)) {
			return 0, invalid
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > longest {
		return 0, invalid
	}
	return d, nil
}

// stored is an expiry as its column holds it: UTC, whole seconds (so that all
// databases give back what was written), nil for never.
func stored(at time.Time) *time.Time {
	if !at.Before(Never) {
		return nil
	}
	at = at.UTC().Truncate(time.Second)
	return &at
}
