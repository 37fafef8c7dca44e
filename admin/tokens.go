package admin

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// searchTokens takes the search as a form's body, because people paste whole
// tokens there, and mails with tokens in them: one that exists leads to its
// page, and what looks like a generated one is never put into an address.
func (a *admin) searchTokens(c *gin.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	var unknown, mistyped bool
	for _, text := range tokensIn(form.Get("q")) {
		text, kind := models.ReadToken(text)
		unknown = unknown || kind == models.TokenGenerated
		mistyped = mistyped || kind == models.TokenMistyped
		if kind != models.TokenGenerated && kind != models.TokenCustom {
			continue
		}
		row, err := models.FindAccessToken(c.Request.Context(), a.DB, text)
		if err == nil {
			return a.redirect(c, "/tokens/"+idText(row.ID), nil)
		}
		if !errors.Is(err, models.ErrNotFound) {
			return err
		}
	}
	switch {
	case unknown:
		return a.redirect(c, "/tokens", done("no-such-token", -1))
	case mistyped:
		return a.redirect(c, "/tokens", done("mistyped-token", -1))
	}
	return a.redirect(c, "/tokens", readTokenQuery(form).values())
}

const (
	maxSearched = 20 // parts of a search that are looked at
	maxWords    = 6  // words that one token is taken to have: a generated one has six groups
)

var (
	// generatedIn finds what has the shape of a generated token.
	generatedIn = regexp.MustCompile(`(?i)[2-9A-HJKMNP-Z]{4}(?:[-‐–—]?[2-9A-HJKMNP-Z]{4}){5}`)

	// invitedBy finds the token in the address of an invitation.
	invitedBy = regexp.MustCompile(`#token=(\S+)`)
)

// tokensIn gives what may be a token in a text that was pasted: the whole, what
// an invitation carries, all that looks like a generated one, and each run of a
// few words, with and without the punctuation around it.
func tokensIn(text string) []string {
	found := append([]string{text}, generatedIn.FindAllString(text, maxSearched)...)
	for _, invited := range invitedBy.FindAllStringSubmatch(text, maxSearched) {
		if token, err := url.PathUnescape(invited[1]); err == nil {
			found = append(found, token)
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ':' })
	words = words[:min(len(words), maxSearched)]
	for i := range words {
		for end := i + 1; end <= min(i+maxWords, len(words)); end++ {
			run := strings.Join(words[i:end], " ")
			found = append(found, run, strings.TrimFunc(run, unicode.IsPunct), strings.Trim(run, ".,;:?\"'`()<>[]*“”‘’„«»"))
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return utf8.RuneCountInString(s) < models.MinCustomLength })
	slices.Sort(found)
	return slices.Compact(found)
}

// maxTicked is how many tokens one form changes: more than a page has.
const maxTicked = 1000

// ticked reads the tokens that were ticked, each once. What is no ID is
// passed over.
func ticked(form url.Values) []uint {
	var ids []uint
	for _, text := range form["id"] {
		if id, err := readID(text); err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), maxTicked)]
}

type bulkView struct {
	view
	Rows  []tokenRow
	Here  string // the query of the list that the form was on
	Back  string // the address of that list
	Count string
}

// changeTokens extends or deactivates what was ticked. Deactivating is asked
// about first.
func (a *admin) changeTokens(c *gin.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	ids := ticked(form)
	if len(ids) == 0 {
		return a.backToTokens(c, form, done("none-ticked", -1))
	}
	switch form.Get("do") {
	case "extend-7d", "extend-30d":
		age, _ := models.ParseAge(strings.TrimPrefix(form.Get("do"), "extend-"))
		n, err := models.ExtendAccessTokens(acting(c), a.DB, ids, age)
		return a.bulkDone(c, form, "extended", n, err)
	case "deactivate":
		return a.askDeactivate(c, form, ids)
	case "deactivate-now":
		n, err := models.DeactivateAccessTokens(acting(c), a.DB, ids)
		return a.bulkDone(c, form, "deactivated", n, err)
	}
	return errBadForm
}

func (a *admin) askDeactivate(c *gin.Context, form url.Values, ids []uint) error {
	rows, err := models.GetAccessTokens(c.Request.Context(), a.DB, ids)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(x, y models.AccessToken) int { return int(y.ID) - int(x.ID) })
	active := slices.DeleteFunc(rows, func(t models.AccessToken) bool { return t.DeactivatedAt != nil })
	if len(active) == 0 {
		return a.backToTokens(c, form, done("none-changed", -1))
	}
	v := bulkView{view: a.view(c, "Tokens"), Rows: a.tokenRows(active), Here: form.Get("here"), Back: a.listLink("/tokens", placeOfTokens(form), "", ""), Count: plural(len(active), "token")}
	a.write(c, http.StatusOK, "admin/tokens_deactivate.html", v)
	return nil
}

func (a *admin) bulkDone(c *gin.Context, form url.Values, code string, n int, err error) error {
	if err != nil {
		return err
	}
	if n == 0 {
		return a.backToTokens(c, form, done("none-changed", -1))
	}
	return a.backToTokens(c, form, done(code, n))
}

// backToTokens leads to the part of the list where the form was.
func (a *admin) backToTokens(c *gin.Context, form url.Values, query url.Values) error {
	for key, values := range placeOfTokens(form) {
		query[key] = values
	}
	return a.redirect(c, "/tokens", query)
}

// placeOfTokens is the part of the list where a form was. That comes from the
// form, so only what readTokenQuery knows is taken over.
func placeOfTokens(form url.Values) url.Values {
	here, _ := url.ParseQuery(form.Get("here")) // what cannot be read is left out
	q := readTokenQuery(here)
	place := q.values()
	keepCursor(place, here)
	if q.past != nil {
		place.Set("past", q.past.text())
	}
	return place
}

// keepCursor takes over which page of a list a query asks for.
func keepCursor(place, query url.Values) {
	for _, name := range []string{"before", "after"} {
		if id := cursor(query, name); id > 0 {
			place.Set(name, idText(id))
		}
	}
	if query.Get("last") == "1" {
		place.Set("last", "1")
	}
}
