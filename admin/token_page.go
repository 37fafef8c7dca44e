package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// summedUses is how many of a token's uses its page sums up, the latest first:
// enough for a person to judge it by, few enough to be read at once.
const summedUses = 5000

// shownPeople is how many people a token's page lists.
const shownPeople = 50

// shownChanges is how many changes a token's page lists.
const shownChanges = 50

type tokenView struct {
	view
	Token   tokenRow
	Spread  []string // why it seems to have been passed on
	People  []personRow
	More    string // "12 people more"; "" when all are listed
	Summed  string // "5,000" when there are more uses than were summed up
	Chart   chart
	Changes []changeRow
}

func (a *admin) showToken(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	row, err := models.GetAccessToken(c.Request.Context(), a.DB, id)
	if errors.Is(err, models.ErrNotFound) {
		return a.showDeleted(c, id)
	}
	if err != nil {
		return err
	}
	uses, err := models.LatestAccessTokenUses(c.Request.Context(), a.DB, id, summedUses)
	if err != nil {
		return err
	}
	changes, err := models.ListAccessTokenChanges(c.Request.Context(), a.DB, id, shownChanges)
	if err != nil {
		return err
	}
	people := a.people(uses)
	v := tokenView{
		view: a.view(c, "Tokens"), Token: a.tokenRow(row), Spread: spread(row, uses, a.Now()),
		People: people[:min(len(people), shownPeople)], Changes: a.changeRows(changes),
		Chart: a.tokenChart(uses),
	}
	if rest := len(people) - shownPeople; rest > 0 {
		v.More = countedPeople(rest)
	}
	if len(uses) == summedUses {
		v.Summed = grouped(summedUses)
	}
	a.write(c, http.StatusOK, "admin/token.html", v)
	return nil
}

// showDeleted says who deleted a token, where the record knows.
func (a *admin) showDeleted(c *gin.Context, id uint) error {
	changes, err := models.ListAccessTokenChanges(c.Request.Context(), a.DB, id, 1)
	if err != nil {
		return err
	}
	if len(changes) == 0 || changes[0].Action != "deleted" {
		return models.ErrNotFound
	}
	last := changes[0]
	page := problemView{view: a.view(c, "Tokens"), Heading: "This token was deleted", Link: a.root + "/uses?token_id=" + idText(id), Label: "See its entries"}
	page.Text = labelOf(last.TokenLabel, id) + " was deleted on " + exact(last.At.In(a.Location))
	if last.Actor != "" {
		page.Text += " by " + last.Actor
	}
	page.Text += ". Its entries stay in the record."
	a.write(c, http.StatusNotFound, "admin/problem.html", page)
	return nil
}

// tokenChart counts uses, newest first, by day. Where there are more than were
// read, it begins with the first whole day.
func (a *admin) tokenChart(uses []models.AccessTokenUse) chart {
	bounds := a.days()
	if len(uses) == summedUses {
		oldest := uses[len(uses)-1].At
		for len(bounds) > 2 && !oldest.Before(bounds[0]) {
			bounds = bounds[1:]
		}
	}
	counts := make([]int64, len(bounds)-1)
	for _, use := range uses {
		for i := range counts {
			if !use.At.Before(bounds[i]) && use.At.Before(bounds[i+1]) {
				counts[i]++
			}
		}
	}
	return a.chart(bounds, counts)
}

// changeRow is one recorded change as pages show it.
type changeRow struct {
	At     *moment
	Actor  string // "" when it was made without a name
	Action string
	Facts  []factChange
}

type factChange struct {
	Name          string
	Before, After string
}

func (a *admin) changeRows(changes []models.AccessTokenChange) []changeRow {
	rows := make([]changeRow, 0, len(changes))
	for _, change := range changes {
		rows = append(rows, changeRow{
			At: a.moment(&change.At), Actor: change.Actor, Action: capital(change.Action),
			Facts: a.factChanges(change),
		})
	}
	return rows
}

// factOrder is the order in which changed facts are listed.
var factOrder = []string{"label", "issued to", "expires", "max uses", "status", "entry", "entries"}

func (a *admin) factChanges(change models.AccessTokenChange) []factChange {
	before, after := readFacts(change.Before), readFacts(change.After)
	var list []factChange
	for _, name := range factOrder {
		was, hadIt := before[name]
		is, hasIt := after[name]
		if hadIt || hasIt {
			list = append(list, factChange{capital(name), a.factText(name, was), a.factText(name, is)})
		}
	}
	return list
}

func (a *admin) factText(name, text string) string {
	if name == "expires" {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return a.expiryExact(at)
		}
	}
	return text
}
