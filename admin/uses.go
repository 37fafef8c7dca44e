package admin

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// useQuery is which uses are asked for, as typed.
type useQuery struct {
	Token   string // an ID
	Person  string
	Address string
	Since   string // dates, both included
	Until   string

	Errors map[string]string
}

func readUseQuery(values url.Values) useQuery {
	return useQuery{
		Token: strings.TrimSpace(values.Get("token_id")), Person: oneLine(values.Get("person")),
		Address: oneLine(values.Get("address")), Since: strings.TrimSpace(values.Get("since")), Until: strings.TrimSpace(values.Get("until")),
		Errors: map[string]string{},
	}
}

// filter reads what was typed; mistakes go into q.Errors.
func (q *useQuery) filter(location *time.Location) models.UseFilter {
	f := models.UseFilter{Person: q.Person, IP: q.Address}
	if q.Token != "" {
		id, err := readID(q.Token)
		if err != nil {
			q.Errors["token_id"] = "Write the token’s number, such as 12."
		}
		f.TokenID = id
	}
	if q.Address != "" {
		addr, err := netip.ParseAddr(q.Address)
		if err != nil {
			q.Errors["address"] = "Write a whole address, such as 203.0.113.7."
		} else {
			f.IP = addr.String()
		}
	}
	f.Since = q.date("since", q.Since, location, 0)
	f.Until = q.date("until", q.Until, location, 1)
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		q.Errors["until"] = "This day lies before the first one."
	}
	return f
}

// date reads a day and gives its start, days later.
func (q *useQuery) date(field, text string, location *time.Location, days int) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.ParseInLocation(time.DateOnly, text, location)
	if err != nil {
		q.Errors[field] = "This is not a date. Write it as 2026-12-31."
		return time.Time{}
	}
	switch at = at.AddDate(0, 0, days); { // databases have four digits for a year
	case at.After(models.Never):
		return models.Never
	case at.UTC().Year() < 1:
		return time.Time{}
	}
	return at
}

// values is the query of the list's first page.
func (q useQuery) values() url.Values {
	values := url.Values{}
	for name, text := range map[string]string{
		"token_id": q.Token, "person": q.Person, "address": q.Address, "since": q.Since, "until": q.Until,
	} {
		if text != "" {
			values.Set(name, text)
		}
	}
	return values
}

type usesView struct {
	view
	useQuery
	TokenLabel string // of the token that is filtered by
	Filtered   bool
	Rows       []useRow
	Pages      pagesView
	CSV        string // the export's address
}

// Entries is the table of the page.
func (v usesView) Entries() entriesTable { return entriesTable{Root: v.Root, Rows: v.Rows, Ends: true} }

// entriesTable is a table of entries.
type entriesTable struct {
	Root string
	Rows []useRow
	Ends bool // passes can be ended from it
}

// useRow is a use as pages show it. Its texts are strangers'.
type useRow struct {
	ID         uint
	TokenID    uint // 0 when the token is gone
	TokenLabel string
	Name       string
	Email      string
	Who        string // instead of a name, where there is none
	Address    string
	Browser    string
	UserAgent  string
	Channel    string
	At         *moment
	LastSeen   *moment
	Ended      *moment
	End        string // where the form that ends the pass posts to; "" for no form
}

func (a *admin) listUses(c *gin.Context) error {
	values := c.Request.URL.Query()
	q := readUseQuery(values)
	filter := q.filter(a.Location)
	v := usesView{view: a.view(c, "Uses"), useQuery: q, Filtered: len(q.values()) > 0}
	v.CSV = a.listLink("/uses.csv", q.values(), "", "")
	status := http.StatusOK
	if len(q.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	} else if err := a.readUses(c, filter, values, &v); err != nil {
		return err
	}
	a.write(c, status, "admin/uses.html", v)
	return nil
}

func (a *admin) readUses(c *gin.Context, filter models.UseFilter, values url.Values, v *usesView) error {
	ctx := c.Request.Context()
	page := models.Page{Before: cursor(values, "before"), After: cursor(values, "after"), Last: values.Get("last") == "1"}
	list, err := models.ListAccessTokenUses(ctx, a.DB, filter, page)
	if err != nil {
		return err
	}
	if v.Rows, err = a.useRows(ctx, list.Rows); err != nil {
		return err
	}
	if n := len(list.Rows); n > 0 {
		v.Pages = a.pagesView("/uses", v.values(), list.Newer, list.Older, list.Rows[0].ID, list.Rows[n-1].ID)
		if filter.TokenID > 0 {
			v.TokenLabel = v.Rows[0].TokenLabel
		}
	}
	for i, use := range list.Rows {
		if use.EndedAt == nil && use.Channel == models.ChannelForm {
			v.Rows[i].End = a.listLink("/uses/"+idText(use.ID)+"/end", placeOfUses(values), "", "")
		}
	}
	return nil
}

// placeOfUses is the part of the list that a query asks for, and nothing else
// of it.
func placeOfUses(query url.Values) url.Values {
	place := readUseQuery(query).values()
	keepCursor(place, query)
	return place
}

// useRows also looks up which of the tokens are still there to be linked to.
func (a *admin) useRows(ctx context.Context, uses []models.AccessTokenUse) ([]useRow, error) {
	var ids []uint
	for _, use := range uses {
		ids = append(ids, use.TokenID)
	}
	tokens, err := models.GetAccessTokens(ctx, a.DB, ids)
	if err != nil {
		return nil, err
	}
	labels := map[uint]string{}
	for _, t := range tokens {
		labels[t.ID] = labelOf(t.Label, t.ID)
	}
	rows := make([]useRow, 0, len(uses))
	for _, use := range uses {
		row := a.useRow(use)
		if label, there := labels[use.TokenID]; there {
			row.TokenID, row.TokenLabel = use.TokenID, label
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (a *admin) useRow(use models.AccessTokenUse) useRow {
	return useRow{
		ID: use.ID, TokenLabel: labelOf(use.TokenLabel, use.TokenID),
		Name: use.Name, Email: use.Email, Who: unnamed(use), Address: use.IP,
		Browser: browser(use.UserAgent), UserAgent: use.UserAgent, Channel: channelWords(use.Channel),
		At: a.moment(&use.At), LastSeen: a.moment(use.LastSeenAt), Ended: a.moment(use.EndedAt),
	}
}

// endUse puts one visitor out. The query says which part of the list to go
// back to.
func (a *admin) endUse(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if err := models.EndAccessTokenUse(acting(c), a.DB, id); err != nil {
		return err
	}
	place := placeOfUses(c.Request.URL.Query())
	place.Set("done", "ended")
	return a.redirect(c, "/uses", place)
}
