package admin

import (
	"time"
)

// chartDays is how many days a chart shows, today included.
const chartDays = 30

// chart is a bar chart of entries by day, drawn as SVG, with its table.
type chart struct {
	Title string // what it shows
	Desc  string // the same in words, for who does not see it
	Bars  []bar
	Width int
	Days  []chartDay
	Top   string // the highest bar's number
	First string // the labels below
	Mid   string
	Last  string
	Empty bool
}

// bar is a rectangle in a drawing of chart.Width by chartHeight.
type bar struct{ X, Y, W, H int }

type chartDay struct {
	Date  string // "12 November 2026"
	ISO   string // "2026-11-12"
	Count string
}

const (
	chartHeight = 100
	barWidth    = 8
	barStep     = 10
)

// days gives the bounds of the days that a chart shows, in the place whose
// dates are shown: a day may have 23 or 25 hours.
func (a *admin) days() []time.Time {
	now := a.Now().In(a.Location)
	bounds := make([]time.Time, 0, chartDays+1)
	for i := 1 - chartDays; i <= 1; i++ {
		bounds = append(bounds, time.Date(now.Year(), now.Month(), now.Day()+i, 0, 0, 0, 0, a.Location))
	}
	return bounds
}

// chart draws the number of entries between each bound and the next.
func (a *admin) chart(bounds []time.Time, counts []int64) chart {
	n := len(counts)
	c := chart{Width: n*barStep - (barStep - barWidth), Empty: true}
	var top, total int64
	busiest := 0
	for i, count := range counts {
		total += count
		if count > top {
			top, busiest = count, i
		}
	}
	for i := n - 1; i >= 0; i-- { // the table begins with today
		c.Days = append(c.Days, chartDay{Date: day(bounds[i]), ISO: bounds[i].Format(time.DateOnly), Count: grouped(counts[i])})
	}
	for i, count := range counts {
		if count > 0 { // at least a hair: one entry beside ten thousand still shows
			h := max(int(count*chartHeight/top), 1)
			c.Bars = append(c.Bars, bar{X: i * barStep, Y: chartHeight - h, W: barWidth, H: h})
		}
	}
	c.Empty = total == 0
	c.First, c.Mid, c.Last = bounds[0].Format("2 January"), bounds[n/2].Format("2 January"), "Today"
	c.Top = grouped(top)
	c.Title = "Entries by day since " + day(bounds[0])
	c.Desc = entriesWords(total) + " in " + plural(n, "day") + "."
	if top > 0 {
		c.Desc += " The most on one day: " + grouped(top) + ", on " + day(bounds[busiest]) + "."
	}
	return c
}

func entriesWords(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return grouped(n) + " entries"
}
