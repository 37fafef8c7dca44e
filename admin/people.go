package admin

import (
	"slices"
	"strings"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// personRow is one person, or one address of a header's uses, on a token's page.
type personRow struct {
	Name      string // "" when forgotten, or with a header
	Email     string
	Who       string // instead of a name, where there is none
	Addresses []string
	Address   string // the latest
	Others    string // "and 2 more"
	Browser   string
	UserAgent string
	Channel   string
	Entries   string
	First     *moment
	Last      *moment

	uses        int
	first, last time.Time
}

// people groups uses, newest first, by person.
func (a *admin) people(uses []models.AccessTokenUse) []personRow {
	index := map[string]*personRow{}
	var order []*personRow
	for _, use := range uses {
		key := personKey(use)
		p := index[key]
		if p == nil { // the latest use: what it says is shown
			p = &personRow{Name: use.Name, Email: use.Email, Address: use.IP, Browser: browser(use.UserAgent), UserAgent: use.UserAgent,
				Channel: channelWords(use.Channel), Who: unnamed(use), last: use.At}
			index[key] = p
			order = append(order, p)
		}
		p.add(use)
	}
	rows := make([]personRow, 0, len(order))
	for _, p := range order {
		p.First, p.Last = a.moment(&p.first), a.moment(&p.last)
		p.Entries = grouped(int64(p.uses))
		if n := len(p.Addresses) - 1; n > 0 {
			p.Others = "and " + grouped(int64(n)) + " more"
		}
		rows = append(rows, *p)
	}
	return rows
}

func (p *personRow) add(use models.AccessTokenUse) {
	p.uses++
	p.first = use.At
	if use.LastSeenAt != nil && use.LastSeenAt.After(p.last) {
		p.last = *use.LastSeenAt
	}
	if use.IP != "" && !slices.Contains(p.Addresses, use.IP) && len(p.Addresses) < 1000 {
		p.Addresses = append(p.Addresses, use.IP)
	}
}

// personKey tells people apart: by email address; a header's uses, which have
// none, by address; the forgotten are one.
func personKey(use models.AccessTokenUse) string {
	switch {
	case use.EmailKey != "":
		return string(use.Channel) + " " + use.EmailKey
	case use.Name != "":
		return string(use.Channel) + " name " + strings.ToLower(use.Name)
	}
	return string(use.Channel) + " ip " + use.IP
}

// unnamed says what stands for the name where there is none.
func unnamed(use models.AccessTokenUse) string {
	switch {
	case use.Name != "":
		return ""
	case use.Email != "":
		return use.Email
	case use.Channel == models.ChannelHeader && use.IP != "":
		return "A program"
	case use.IP == "":
		return "Forgotten"
	}
	return "No name asked"
}

func channelWords(channel models.Channel) string {
	switch channel {
	case models.ChannelForm:
		return "Gateway"
	case models.ChannelHeader:
		return "Header"
	}
	return capital(string(channel))
}
