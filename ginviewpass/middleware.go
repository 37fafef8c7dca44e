package ginviewpass

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// Middleware reads the link of a request, if it has one. A link that holds
// puts its permission on this request, and on nothing else: Require,
// HasPermission and Granted see it, and the answer gets the headers
// "Cache-Control: private, no-store", "Referrer-Policy: no-referrer" and
// "X-Robots-Tag: noindex", which handlers may change. A link that does not
// hold grants nothing, and the request goes on all the same: a person who may
// see the page anyway must not be locked out by a stale link.
//
// Use it before the gate that is to ask Granted, and before Require. A request
// without a link costs some nanoseconds.
func (l *Links) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		l.views.attach(c)
		if strings.Contains(c.Request.URL.RawQuery, Param) {
			l.read(c)
		}
	}
}

// visit is what Middleware found out about a request. It travels in the
// request's context, so it also reaches an engine that another one hands the
// request on to.
type visit struct {
	links    *Links
	grant    Grant
	err      error
	path     string // of the URL as it was verified: when these change, the
	rawPath  string // request has been rewritten to another page
	rawQuery string
	before   *visit // what other Links found out about the same request
}

type visitKey struct{}

func visitOf(c *gin.Context) *visit {
	if c == nil || c.Request == nil {
		return nil
	}
	v, _ := c.Request.Context().Value(visitKey{}).(*visit)
	return v
}

// visitOf returns what l found out about the request, or nil if it was not
// asked or the request has had no link.
func (l *Links) visitOf(c *gin.Context) *visit {
	v := visitOf(c)
	for v != nil && v.links != l {
		v = v.before
	}
	return v
}

func (l *Links) read(c *gin.Context) {
	c.Set(templates.ExplainKey, l.explainer)
	u := c.Request.URL
	if v := l.visitOf(c); v != nil && v.at(c.Request) {
		return // an outer engine has verified it already
	}
	grant, err := l.verify(u.EscapedPath(), u.RawQuery, l.now())
	v := &visit{
		links: l, grant: grant, err: err,
		path: u.Path, rawPath: u.RawPath, rawQuery: u.RawQuery,
		before: visitOf(c),
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), visitKey{}, v))
	if v.grants(c.Request) {
		c.Header("Cache-Control", "private, no-store")
		c.Header("Referrer-Policy", "no-referrer")
		c.Header("X-Robots-Tag", "noindex")
	} else if err != nil && !errors.Is(err, ErrNoLink) {
		l.logger.LogAttrs(c.Request.Context(), slog.LevelDebug, "ginviewpass: link refused", slog.String("event", "viewpass.refused"),
			slog.String("path", u.Path), slog.String("reason", err.Error()))
	}
}

// at tells whether the request is still for the page that was verified.
func (v *visit) at(r *http.Request) bool {
	return r.URL.Path == v.path && r.URL.RawPath == v.rawPath && r.URL.RawQuery == v.rawQuery
}

// grants tells whether the link opens the request's page.
func (v *visit) grants(r *http.Request) bool {
	return v.err == nil && isReading(r) && v.at(r)
}

// isReading tells whether the method is one that links cover.
func isReading(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// HasPermission tells whether the page was opened by a link that grants the
// permission. It does not ask Config.Authorize: [Links.Allowed] does.
func HasPermission(c *gin.Context, permission string) bool {
	for v := visitOf(c); v != nil; v = v.before {
		if v.grant.Permission == permission && permission != "" && v.grants(c.Request) {
			return true
		}
	}
	return false
}

// Granted tells whether the page was opened by a link, whatever permission it
// grants. It is the bypass of a gate in front of the whole site:
//
//	ginperimeter.Config{Bypass: links.Granted}
//
// Middleware must run before. Where a link comes to a gate that runs too
// early, Granted says no, and the log says why.
func (l *Links) Granted(c *gin.Context) bool {
	v := l.visitOf(c)
	if v == nil {
		l.warnMisplaced(c)
		return false
	}
	return v.grants(c.Request)
}

// Allowed tells whether the request may do what needs the permission: because
// a link grants it on this page, or because Config.Authorize says so.
func (l *Links) Allowed(c *gin.Context, permission string) bool {
	v := l.visitOf(c)
	if v != nil && permission != "" && v.grant.Permission == permission && v.grants(c.Request) {
		return true
	}
	return l.authorize != nil && l.authorize(c, permission)
}

// warnMisplaced logs, once, that a link was there and nobody had read it.
func (l *Links) warnMisplaced(c *gin.Context) {
	if c == nil || c.Request == nil || !strings.Contains(c.Request.URL.RawQuery, Param+"=") {
		return
	}
	l.misplaced.Do(func() {
		l.logger.Warn("ginviewpass: a link came, but links.Middleware() had not run; call r.Use(links.Middleware()) before the gate and before routes with links.Require",
			slog.String("event", "viewpass.misconfigured"))
	})
}
