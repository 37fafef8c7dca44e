package admin

import (
	"fmt"
	"time"
)

// moment is a time as a page shows it: in words, with the exact time behind.
type moment struct {
	Words string
	Exact string
	ISO   string
}

// moment is nil for no time.
func (a *admin) moment(at *time.Time) *moment {
	if at == nil || at.IsZero() {
		return nil
	}
	local := at.In(a.Location)
	return &moment{Words: relative(*at, a.Now(), a.Location), Exact: exact(local), ISO: at.UTC().Format(time.RFC3339)}
}

// expiry is like moment, but names the day through which a token holds when it
// expires as that day ends.
func (a *admin) expiry(at *time.Time) *moment {
	m := a.moment(at)
	if m != nil {
		m.Exact = a.expiryExact(*at)
	}
	return m
}

func (a *admin) expiryExact(at time.Time) string {
	local := at.In(a.Location)
	if local.Hour() == 0 && local.Minute() == 0 && local.Second() == 0 {
		return "through " + day(local.AddDate(0, 0, -1))
	}
	return exact(local)
}

func day(at time.Time) string   { return at.Format("2 January 2006") }
func exact(at time.Time) string { return at.Format("2 January 2006, 15:04 MST") }

// relative says how far off a time is, as people say it. Beyond two months it
// is a date.
func relative(at, now time.Time, location *time.Location) string {
	away := at.Sub(now)
	past := away < 0
	words := length(away.Abs())
	switch {
	case words == "":
		return day(at.In(location))
	case words == "now" && past:
		return "just now"
	case words == "now":
		return "in a moment"
	case past:
		return words + " ago"
	}
	return "in " + words
}

func length(d time.Duration) string {
	const daily = 24 * time.Hour
	switch {
	case d < 45*time.Second:
		return "now"
	case d < time.Hour-30*time.Second:
		return plural(int(d.Round(time.Minute)/time.Minute), "minute")
	case d < 36*time.Hour:
		return plural(int(d.Round(time.Hour)/time.Hour), "hour")
	case d <= 61*daily:
		return plural(int((d+daily/2)/daily), "day")
	}
	return ""
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%s %ss", grouped(int64(n)), word)
}

// grouped writes a number as "12,345".
func grouped(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
