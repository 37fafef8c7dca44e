package ginviewpass

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// Require lets a request through to the next handler when a link grants each
// of the permissions on this page, or Config.Authorize does. A link grants one
// permission, so with two of them Authorize has to say yes to the other.
//
// Everybody else gets an answer that says what happened, as a page for
// browsers and as JSON for the rest: 410 when their link was right and has
// expired, else 403. Middleware must run before; without it no link grants
// anything.
//
// Require panics without a permission, or with an empty one: a route that
// asks for nothing would stand open, or shut for ever.
func (l *Links) Require(permission ...string) gin.HandlerFunc {
	if len(permission) == 0 || slices.Contains(permission, "") {
		panic("ginviewpass: Require needs the name of a permission, such as \"reporting.view_report\"")
	}
	permissions := slices.Clone(permission)
	return func(c *gin.Context) {
		for _, p := range permissions {
			if !l.Allowed(c, p) {
				l.refuse(c, l.whyNot(c, p))
				return
			}
		}
	}
}

// refusal is how Require says no.
type refusal struct {
	status  int
	code    string // "error" in JSON
	heading string
	text    string
	next    string
}

var (
	noLink = refusal{
		status: http.StatusForbidden, code: "viewpass_required",
		heading: "This page is not public",
		text:    "You can open it with a link that was made for it.",
		next:    "Ask the person who told you about this page to send you a link.",
	}
	otherPage = refusal{
		status: http.StatusForbidden, code: "viewpass_invalid",
		heading: "This link does not open this page",
		text:    "The link is genuine, but it was made for another page.",
		next:    "Ask the person who sent it for a link to this page.",
	}
	otherPermission = refusal{
		status: http.StatusForbidden, code: "viewpass_required",
		heading: "This link does not open this page",
		text:    "The link is genuine, but this page asks for a permission that it does not give.",
		next:    "Ask the person who sent it for a link to this page.",
	}
	damaged = refusal{
		status: http.StatusForbidden, code: "viewpass_invalid",
		heading: "This link is damaged",
		text:    "A part of the address is missing or was changed on its way to you. Some mail programs do that.",
		next:    "Open the link from the original message once more, or copy the whole of it into the address bar. If that does not help, ask for a new link.",
	}
	withdrawn = refusal{
		status: http.StatusForbidden, code: "viewpass_invalid",
		heading: "This link is no longer valid",
		text:    "The site does not accept links of this kind any more, or a part of the address was changed.",
		next:    "Ask the person who sent it for a new link.",
	}
	early = refusal{
		status: http.StatusForbidden, code: "viewpass_invalid",
		heading: "This link is not valid yet",
		text:    "By the clock of this site, the link has not been made yet.",
		next:    "Try again in a few minutes.",
	}
	expired = refusal{
		status: http.StatusGone, code: "viewpass_expired",
		heading: "This link has expired",
		text:    "It could be used for a limited time, which is over.",
		next:    "Ask the person who sent it for a new link.",
	}
)

// whyNot finds the words for a request that may not do what needs permission.
func (l *Links) whyNot(c *gin.Context, permission string) refusal {
	v := l.visitOf(c)
	if v == nil {
		l.warnMisplaced(c)
		return noLink
	}
	switch {
	case errors.Is(v.err, ErrNoLink):
		return noLink
	case errors.Is(v.err, ErrMalformed), errors.Is(v.err, ErrBadSignature):
		return damaged
	case errors.Is(v.err, ErrUnknownKey):
		return withdrawn
	case !isReading(c.Request):
		return noLink // no link covers other methods
	case errors.Is(v.err, ErrWrongPath), !v.at(c.Request):
		return otherPage
	case v.grant.Permission != permission:
		return otherPermission
	case errors.Is(v.err, ErrNotYetValid):
		return early
	case errors.Is(v.err, ErrExpired):
		return expired.until(v.grant)
	}
	return noLink
}

// until adds to the refusal when the link ended.
func (f refusal) until(g Grant) refusal {
	f.text = "It could be used until " + g.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC") + "."
	return f
}

// refuse answers the request instead of the handlers that would come next.
func (l *Links) refuse(c *gin.Context, f refusal) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Robots-Tag", "noindex, nofollow")
	c.Header("Referrer-Policy", "no-referrer")
	if !templates.IsPageVisit(c.Request) {
		c.Header("X-Content-Type-Options", "nosniff")
		c.AbortWithStatusJSON(f.status, problem{Error: f.code, Message: f.heading + ". " + f.text + " " + f.next})
		return
	}
	c.Abort()
	page := templates.Notice{Site: l.siteName(c.Request), Heading: f.heading, Text: f.text, Next: f.next}
	if err := l.pages.Write(c.Writer, f.status, "notice.html", page); err != nil {
		l.logger.Error("ginviewpass: writing a page failed", slog.String("event", "viewpass.page"), slog.Any("error", err))
		if !c.Writer.Written() {
			c.String(f.status, "%s. %s %s\n", f.heading, f.text, f.next)
		}
	}
}

// problem is the answer to those who do not read pages.
type problem struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

func (l *Links) siteName(r *http.Request) string {
	if l.look.SiteName != "" {
		return l.look.SiteName
	}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

// explain is left in the Gin context under templates.ExplainKey. It tells a
// stranger at the gateway what is wrong with the link in target, the page that
// was asked for, or returns "" when there is none or nothing is wrong with it.
func (l *Links) explain(target string) string {
	if !strings.Contains(target, Param) {
		return ""
	}
	_, err := l.Verify(target, l.now())
	switch {
	case err == nil, errors.Is(err, ErrNoLink):
		return ""
	case errors.Is(err, ErrExpired):
		return "The link that brought you here has expired. Ask for a new one, or enter an access token."
	case errors.Is(err, ErrNotYetValid):
		return "The link that brought you here is not valid yet. Try it again in a few minutes, or enter an access token."
	case errors.Is(err, ErrUnknownKey):
		return "The link that brought you here is no longer valid. Ask for a new one, or enter an access token."
	case errors.Is(err, ErrWrongPath):
		return "The link that brought you here was made for another page. Ask for a new one, or enter an access token."
	}
	return "The link that brought you here is damaged. Open it once more from the original message, or enter an access token."
}
