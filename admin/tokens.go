package admin

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// soon is how near an expiry is for a token to count as expiring.
const soon = 7 * 24 * time.Hour

// choice is an option of a select.
type choice struct {
	Value, Label string
	Chosen       bool
}

// tokenStates are the answers to the filter by state.
var tokenStates = []struct {
	value, label string
	status       models.Status
}{
	{"", "All", ""},
	{"live", "Live", models.StatusLive},
	{"used-up", "Used up", models.StatusUsedUp},
	{"expired", "Expired", models.StatusExpired},
	{"deactivated", "Deactivated", models.StatusDeactivated},
}

// tokenQuery is which part of the list of tokens is asked for. What makes no
// sense is passed over: the worst that a bad address gets is the whole list.
type tokenQuery struct {
	search   string
	state    string
	byExpiry bool
	before   uint
	after    uint
	last     bool
	past     *expiryCursor
	ticked   bool // every box on the page
}

func readTokenQuery(values url.Values) tokenQuery {
	q := tokenQuery{search: oneLine(values.Get("q")), state: values.Get("status"), byExpiry: values.Get("sort") == "expiry"}
	if q.status() == "" {
		q.state = ""
	}
	q.before, q.after = cursor(values, "before"), cursor(values, "after")
	q.last, q.ticked = values.Get("last") == "1", values.Get("tick") == "all"
	q.past = readExpiryCursor(values.Get("past"))
	return q
}

// expiryCursor is where a page in the order of expiry ended, as "milliseconds.id".
type expiryCursor models.ExpiryCursor

func (e expiryCursor) text() string {
	return strconv.FormatInt(e.At.UnixMilli(), 10) + "." + idText(e.ID)
}

func readExpiryCursor(text string) *expiryCursor {
	at, id, _ := strings.Cut(text, ".")
	ms, errAt := strconv.ParseInt(at, 10, 49) // beyond the year 9999
	row, errID := readID(id)
	if errAt != nil || errID != nil || ms < 0 || ms > models.Never.UnixMilli() {
		return nil
	}
	return &expiryCursor{At: time.UnixMilli(ms), ID: row}
}

func cursor(values url.Values, name string) uint {
	id, err := readID(values.Get(name))
	if err != nil {
		return 0
	}
	return id
}

func (q tokenQuery) status() models.Status {
	for _, s := range tokenStates {
		if s.value == q.state {
			return s.status
		}
	}
	return ""
}

// values is the query of the list's first page.
func (q tokenQuery) values() url.Values {
	values := url.Values{}
	if q.search != "" {
		values.Set("q", q.search)
	}
	if q.state != "" {
		values.Set("status", q.state)
	}
	if q.byExpiry {
		values.Set("sort", "expiry")
	}
	return values
}

type tokensView struct {
	view
	Search   string
	States   []choice
	Sorts    []choice
	Filtered bool
	Rows     []tokenRow
	Ticked   bool
	TickAll  string // this page with every box ticked, or none
	Here     string // this page's query
	Pages    pagesView
}

// pagesView leads to the other parts of a list; "" for what is not there.
type pagesView struct{ First, Newer, Older, Last string }

// Any tells whether the list has more than one page.
func (p pagesView) Any() bool { return p != pagesView{} }

func (a *admin) listTokens(c *gin.Context) error {
	q := readTokenQuery(c.Request.URL.Query())
	v := tokensView{view: a.view(c, "Tokens"), Search: q.search, Filtered: q.search != "" || q.state != "", Ticked: q.ticked}
	for _, s := range tokenStates {
		v.States = append(v.States, choice{s.value, s.label, s.value == q.state})
	}
	v.Sorts = []choice{{"", "Latest first", !q.byExpiry}, {"expiry", "Expiring soonest", q.byExpiry}}
	if err := a.readTokens(c, q, &v); err != nil {
		return err
	}
	here := c.Request.URL.Query()
	here.Del("done")
	here.Del("n")
	here.Del("tick")
	v.Here = here.Encode()
	if !q.ticked {
		here.Set("tick", "all")
	}
	v.TickAll = a.root + "/tokens?" + here.Encode()
	a.write(c, http.StatusOK, "admin/tokens.html", v)
	return nil
}

func (a *admin) readTokens(c *gin.Context, q tokenQuery, v *tokensView) error {
	filter := models.TokenFilter{Status: q.status(), Search: q.search, Now: a.Now()}
	if q.byExpiry {
		rows, more, err := models.ListAccessTokensByExpiry(c.Request.Context(), a.DB, filter, (*models.ExpiryCursor)(q.past), models.DefaultPageSize)
		v.Rows = a.tokenRows(rows)
		if q.past != nil {
			v.Pages.First = a.listLink("/tokens", q.values(), "", "")
		}
		if more {
			last := rows[len(rows)-1]
			v.Pages.Older = a.listLink("/tokens", q.values(), "past", expiryCursor{At: *last.ExpiresAt, ID: last.ID}.text())
		}
		return err
	}
	page := models.Page{Before: q.before, After: q.after, Last: q.last}
	list, err := models.ListAccessTokens(c.Request.Context(), a.DB, filter, page)
	v.Rows = a.tokenRows(list.Rows)
	if n := len(list.Rows); n > 0 {
		v.Pages = a.pagesView("/tokens", q.values(), list.Newer, list.Older, list.Rows[0].ID, list.Rows[n-1].ID)
	}
	return err
}

// pagesView makes the links of a list that is cut by ID.
func (a *admin) pagesView(path string, query url.Values, newer, older bool, first, last uint) pagesView {
	var p pagesView
	if newer {
		p.First = a.listLink(path, query, "", "")
		p.Newer = a.listLink(path, query, "after", idText(first))
	}
	if older {
		p.Older = a.listLink(path, query, "before", idText(last))
		p.Last = a.listLink(path, query, "last", "1")
	}
	return p
}

func (a *admin) listLink(path string, query url.Values, key, value string) string {
	if key != "" {
		with := url.Values{key: {value}}
		for k, v := range query {
			with[k] = v
		}
		query = with
	}
	if len(query) == 0 {
		return a.root + path
	}
	return a.root + path + "?" + query.Encode()
}

func idText(id uint) string { return strconv.FormatUint(uint64(id), 10) }
