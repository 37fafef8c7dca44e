package ginperimeter

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// gateway shows the form and takes it.
func (g *Gate) gateway(c *gin.Context) {
	g.warnOfAddresses(c)
	switch {
	case g.cfg.InsecureDisabled:
		c.Header("Location", g.next(c.Request))
		c.Status(http.StatusFound)
		c.Writer.WriteHeaderNow()
	case isRead(c.Request):
		g.showForm(c)
	case c.Request.Method == http.MethodPost:
		g.enter(c)
	default:
		g.methodNotAllowed(c, "GET, HEAD, POST")
	}
}

func (g *Gate) methodNotAllowed(c *gin.Context, allow string) {
	c.Header("Allow", allow)
	g.notice(c, refusal{status: http.StatusMethodNotAllowed, notice: templates.Notice{
		Heading: "That did not work", Text: "This page can't be used in this way.",
		Link: g.prefix + "/", Label: "Go to the site",
	}})
}

// showForm is the empty form, filled with what the session knows.
func (g *Gate) showForm(c *gin.Context) {
	page := g.page(c)
	status := http.StatusOK
	session, err := g.loadSession(c)
	switch {
	case errors.Is(err, ErrNoSessions):
		g.refuse(c, err)
		return
	case err != nil:
		status = http.StatusServiceUnavailable
		c.Header("Retry-After", retryUnavailable.String())
		page.Problem = textUnavailable
		page.Probe = false // this answer sets no cookie that could come back
	default:
		setProbe(c, session.Options)
		g.fill(c, &page, session)
	}
	g.writeForm(c, status, page)
}

// page is the form with nothing in it.
func (g *Gate) page(c *gin.Context) templates.Gateway {
	next := g.next(c.Request)
	page := templates.Gateway{
		Site: g.pages.Site(c.Request), Action: g.gatewayURL(next), TokenOnly: g.cfg.TokenOnly, Probe: true, Nonce: newNonce(),
		Recorded: []string{"your name", "your email address", "your network address", "your browser", "the time"},
	}
	if g.cfg.TokenOnly {
		page.Recorded = page.Recorded[2:]
	}
	if explain, ok := c.Value(templates.ExplainKey).(func(string) string); ok {
		page.Notice = explain(next)
	}
	return page
}

// fill puts in what is known of a visitor who was here before.
func (g *Gate) fill(c *gin.Context, page *templates.Gateway, session *gorilla.Session) {
	ref := g.passRef(session)
	if ref == "" {
		return
	}
	if pass, err := g.checkSession(c); err == nil && pass != nil {
		page.Name, page.Email = pass.Name, pass.Email
		page.Inside, page.Leave = g.next(c.Request), g.prefix+g.leavePath
		return
	}
	use, err := query(c.Request.Context(), g.tokens.fault, func(ctx context.Context) (models.AccessTokenUse, error) {
		return models.FindPass(ctx, g.cfg.DB, ref)
	})
	if err == nil && use.EndedAt == nil {
		page.Name, page.Email = use.Name, use.Email
	}
}

func (g *Gate) writeForm(c *gin.Context, status int, page templates.Gateway) {
	if err := g.pages.Write(c.Writer, status, "gateway.html", page); err != nil {
		g.brokenPage(c, err)
	}
}

// enter takes the form.
func (g *Gate) enter(c *gin.Context) {
	began := time.Now()
	if err := g.origins.Check(c.Request); err != nil {
		g.refuseForeign(c)
		return
	}
	session, err := g.loadSession(c)
	if errors.Is(err, ErrNoSessions) {
		g.refuse(c, err)
		return
	}
	form, formErr := readForm(c)
	if g.cfg.TokenOnly {
		form.name, form.email = "", "" // nobody asked, so it is not recorded
	}
	page := g.page(c)
	page.Token, page.Name, page.Email = form.token, form.name, form.email
	d := g.decide(c, form, formErr, &page)
	if d.reason == "" && err != nil {
		d = g.unavailable(&page)
	}
	if d.reason == "" {
		d = g.comeIn(c, session, d, form, &page)
	}
	if d.reason != "" {
		g.deny(c, d, session, page)
		return
	}
	g.observe(EventEntered, "", time.Since(began))
	g.seeOther(c, g.next(c.Request))
}

// decision is what became of a form: a token to enter with, or a refusal.
type decision struct {
	token      models.AccessToken
	entry      entry
	reason     string // "": may enter
	status     int
	retryAfter seconds
}

const textUnavailable = "Your token can't be checked at the moment. Nothing is lost: try again in a minute."

// decide judges what was typed. It uses nothing up and writes nothing.
func (g *Gate) decide(c *gin.Context, form entryForm, formErr error, page *templates.Gateway) decision {
	if formErr != nil {
		page.Problem = formErr.Error()
		return decision{reason: "form", status: http.StatusUnprocessableEntity}
	}
	if form.probe && !hasProbe(c.Request) {
		page.Problem = textNoCookies
		return decision{reason: "cookies", status: http.StatusUnprocessableEntity}
	}
	row, err := g.findPresented(c, form.token, clientIP(c), false)
	var e entry
	if err == nil {
		e, err = g.entryOf(c, form, *row)
	}
	if err == nil {
		err = g.admits(c, row, e)
	}
	d := g.explainToken(err, row, page)
	if d.reason == "" {
		d.token, d.entry = *row, e
	}
	if d.reason == "unavailable" || d.reason == "limit" {
		return d
	}
	if (row == nil || !row.Issued()) && !g.checkPerson(form, page) && d.reason == "" {
		d = decision{reason: "form", status: http.StatusUnprocessableEntity}
	}
	return d
}

// admits tells whether a token lets this visitor in. Whoever is inside with it,
// or whose form came twice, is not shut out by his own entry.
func (g *Gate) admits(c *gin.Context, row *models.AccessToken, e entry) error {
	err := row.Admits(g.cfg.Now())
	if errors.Is(err, models.ErrUsedUp) && (e.earlier != nil || g.holds(c, row.ID)) {
		return nil
	}
	return err
}

// holds tells whether the visitor has a live pass of that token.
func (g *Gate) holds(c *gin.Context, tokenID uint) bool {
	pass, err := g.checkSession(c)
	return err == nil && pass.TokenID == tokenID
}

// explainToken turns what is wrong with a token into an answer.
func (g *Gate) explainToken(err error, row *models.AccessToken, page *templates.Gateway) decision {
	d := decision{status: http.StatusUnprocessableEntity}
	var presented *presentedError
	var tooMany *tooManyError
	switch {
	case err == nil:
	case errors.As(err, &presented):
		d.reason, page.TokenError = presented.reason, textOf[presented.reason]
	case errors.As(err, &tooMany):
		d.reason, d.status, d.retryAfter = "limit", http.StatusTooManyRequests, tooMany.retryAfter
		page.Problem = "Too many wrong tokens were tried. Try again " + inWords(tooMany.retryAfter) + "."
	case errors.Is(err, models.ErrExpired):
		d.reason, page.TokenError = "expired", g.expired(row)
	case errors.Is(err, models.ErrDeactivated):
		d.reason, page.TokenError = "deactivated", "This token has been switched off. Ask for a new one."
	case errors.Is(err, models.ErrUsedUp):
		d.reason, page.TokenError = "used_up", "This token has been used as often as it allows. Ask for a new one."
	case errors.Is(err, models.ErrNotFound):
		d.reason, page.TokenError = reasonUnknown, textOf[reasonUnknown]
	default:
		d = g.unavailable(page)
	}
	return d
}

// expired says so, and when where that is known: a token that had no expiry a
// moment ago may have been given one since.
func (g *Gate) expired(row *models.AccessToken) string {
	if row.ExpiresAt == nil {
		return "This token has expired. Ask for a new one."
	}
	return "This token expired on " + row.ExpiresAt.Add(-time.Second).In(g.cfg.Now().Location()).Format("2 January 2006") + ". Ask for a new one."
}

func (g *Gate) unavailable(page *templates.Gateway) decision {
	page.Problem = textUnavailable
	return decision{reason: "unavailable", status: http.StatusServiceUnavailable, retryAfter: retryUnavailable}
}

var textOf = map[string]string{
	reasonBlank:    "Enter your access token.",
	reasonInvalid:  "This can't be a token: it is too long or has unusual characters. Copy the token alone.",
	reasonMistyped: "That looks mistyped: tokens have six groups of four letters and digits, and no 0, 1, I, L or O.",
	reasonUnknown:  "We don't know this token. Check it, or ask for a new one.",
}

const textNoCookies = "Your browser did not keep this site's cookie, so it would ask you again on every page. " +
	"Allow cookies for this site, then enter again. Your token has not been used."

// inWords says how long to wait.
func inWords(s seconds) string {
	switch minutes := (s + 59) / 60; {
	case s < 60:
		return "in a minute"
	case minutes == 1:
		return "in a minute"
	default:
		return "in " + minutes.String() + " minutes"
	}
}

// deny shows the form again with what was typed and what is wrong.
func (g *Gate) deny(c *gin.Context, d decision, session *gorilla.Session, page templates.Gateway) {
	g.observe(EventDenied, d.reason, 0)
	if d.retryAfter > 0 {
		c.Header("Retry-After", d.retryAfter.String())
	}
	if page.Probe = session != nil; page.Probe {
		setProbe(c, session.Options)
	}
	page.Token = shown(page.Token, 4*models.MaxTokenBytes)
	page.Name, page.Email = shown(page.Name, 1000), shown(page.Email, 1000)
	g.writeForm(c, d.status, page)
}

func (g *Gate) refuseForeign(c *gin.Context) {
	g.observe(EventDenied, "cross_origin", 0)
	g.notice(c, refusal{status: http.StatusForbidden, notice: templates.Notice{
		Heading: "This form came from another site",
		Text:    "For your safety it was not accepted.",
		Next:    "Open this site and enter your token there.",
		Link:    g.prefix + g.cfg.GatewayPath, Label: "Go to the entrance",
	}})
}

// seeOther sends the browser on by GET. The location is set as it is:
// http.Redirect would clean it after it was checked.
func (g *Gate) seeOther(c *gin.Context, location string) {
	h := c.Writer.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}
