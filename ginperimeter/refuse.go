package ginperimeter

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// refusal is one way to say no, to programs and to people.
type refusal struct {
	status     int
	code       string // of the JSON answer
	message    string
	retryAfter seconds
	notice     templates.Notice
}

// refuse answers a request that may not go on. It is the one place that
// decides how.
func (g *Gate) refuse(c *gin.Context, err error) {
	r := g.refusal(c, err)
	g.observe(EventRefused, r.code, 0)
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Del("Allow") // Gin tells the methods of a page before it asks a middleware
	if r.retryAfter > 0 {
		h.Set("Retry-After", r.retryAfter.String())
	}
	page := isNavigation(c.Request)
	if page && errors.Is(err, ErrNoPass) && isRead(c.Request) {
		c.Header("Location", g.gatewayURL(g.safeTarget(c.Request)))
		c.Status(http.StatusFound)
		c.Writer.WriteHeaderNow()
		return
	}
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Perimeter")
	}
	if page && !isHeaderRefusal(err) {
		g.notice(c, r)
		return
	}
	h.Set("X-Content-Type-Options", "nosniff")
	c.JSON(r.status, gin.H{"error": r.code, "message": r.message, "gateway": g.prefix + g.cfg.GatewayPath})
}

// isNavigation tells whether a browser goes to a page or sends a form: it has
// no other methods for that.
func isNavigation(r *http.Request) bool {
	return (isRead(r) || r.Method == http.MethodPost) && templates.IsPageVisit(r)
}

func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// isHeaderRefusal tells whether the client is a program, whatever it accepts.
func isHeaderRefusal(err error) bool {
	return errors.Is(err, ErrHeaderToken) || errors.Is(err, ErrHeaderMaxUses)
}

// safeTarget is where to go on to after entering: the page that was asked for.
func (g *Gate) safeTarget(r *http.Request) string {
	if target := g.target(r); isLocal(target) {
		return target
	}
	return g.prefix + "/"
}

func (g *Gate) refusal(c *gin.Context, err error) refusal {
	var tooMany *tooManyError
	switch {
	case errors.Is(err, ErrNoPass):
		return g.strangerRefusal(c.Request)
	case errors.Is(err, ErrHeaderToken):
		return refusal{
			status: http.StatusUnauthorized, code: "perimeter_token_invalid",
			message: "The token in " + HeaderName + " is not valid.",
		}
	case errors.Is(err, ErrHeaderMaxUses):
		return refusal{
			status: http.StatusUnauthorized, code: "perimeter_token_not_for_header",
			message: "A token with a maximum of uses works on the gateway page only.",
		}
	case errors.As(err, &tooMany):
		return refusal{
			status: http.StatusTooManyRequests, code: "perimeter_too_many_attempts",
			message: "Too many wrong tokens.", retryAfter: tooMany.retryAfter,
			notice: templates.Notice{
				Heading: "Too many wrong tokens", Text: "Somebody tried too many wrong tokens from your network.",
				Next: "Try again in a while.",
			},
		}
	case errors.Is(err, ErrUnavailable):
		return refusal{
			status: http.StatusServiceUnavailable, code: "perimeter_unavailable",
			message: "Access can't be checked at the moment.", retryAfter: retryUnavailable,
			notice: templates.Notice{
				Heading: "This site is not available at the moment", Text: "Your access can't be checked right now.",
				Next: "Try again in a minute.",
			},
		}
	}
	g.logMisconfigured(err)
	return refusal{
		status: http.StatusInternalServerError, code: "perimeter_misconfigured",
		message: "The site is not set up correctly.",
		notice: templates.Notice{
			Heading: "This site is not set up correctly", Text: "Whoever runs it finds the reason in its log.",
		},
	}
}

// retryUnavailable is what Retry-After says while something is away.
const retryUnavailable seconds = 5

// strangerRefusal is for those who hold no pass. A form that was sent can't be
// kept; its sender is led to the gateway and told so.
func (g *Gate) strangerRefusal(r *http.Request) refusal {
	return refusal{
		status: http.StatusUnauthorized, code: "perimeter_token_required",
		message: "This site needs an access token. Enter one on the gateway page, or send it as " + HeaderName + ".",
		notice: templates.Notice{
			Heading: "Enter your access token first",
			Text:    "This site is private, and what you sent did not arrive.",
			Next:    "After entering, go back in your browser and send it again.",
			Link:    g.gatewayURL(g.referringPage(r)), Label: "Enter site",
		},
	}
}

// referringPage is the page of this site that a form came from, else the first.
func (g *Gate) referringPage(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err == nil && u.Host == r.Host && isLocal(u.RequestURI()) && !g.isOwn(u.RequestURI()) {
		return u.RequestURI()
	}
	return g.prefix + "/"
}

func (g *Gate) logMisconfigured(err error) {
	g.noSessions.Do(func() {
		g.cfg.Logger.Error("perimeter: the gate can't work and refuses everybody", "event", "perimeter.misconfigured", "error", err)
	})
}

// notice answers with a page that says what happened.
func (g *Gate) notice(c *gin.Context, r refusal) {
	page := r.notice
	page.Site = g.pages.Site(c.Request)
	if err := g.pages.Write(c.Writer, r.status, "notice.html", page); err != nil {
		g.brokenPage(c, err)
	}
}

// brokenPage answers when an overridden template fails.
func (g *Gate) brokenPage(c *gin.Context, err error) {
	g.cfg.Logger.Error("perimeter: a page can't be shown", "event", "perimeter.page", "error", err)
	if !c.Writer.Written() {
		c.String(http.StatusInternalServerError, "This page can't be shown.")
	}
}

// What markPrivate sets. All answers share these, as they share Gin's content
// types: Set and Add replace a header's values, and never write into them.
var (
	headerPrivate = []string{"private"}
	headerVary    = []string{"Cookie, " + HeaderName}
	headerNoIndex = []string{"noindex"}
)

// markPrivate sets the headers of pages behind the gate, before the handlers,
// who may say otherwise.
func (g *Gate) markPrivate(c *gin.Context, by channel) {
	h := c.Writer.Header()
	vary := headerVary
	if len(h) > 0 { // what a middleware before has said the answer varies by
		before := h["Vary"]
		vary = append(before[:len(before):len(before)], headerVary...)
	}
	h["Cache-Control"] = headerPrivate
	h["Vary"] = vary
	h["X-Robots-Tag"] = headerNoIndex
	if by == byHeader {
		// neither handlers nor back ends that a handler proxies to see a token
		c.Request.Header.Del(HeaderName)
	}
}

// robots answers /robots.txt for everybody.
func (g *Gate) robots(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Robots-Tag", "noindex, nofollow")
	if !isRead(c.Request) {
		c.Header("Allow", "GET, HEAD")
		c.Status(http.StatusMethodNotAllowed)
		return
	}
	c.String(http.StatusOK, "User-agent: *\nDisallow: /\n")
}
