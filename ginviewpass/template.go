package ginviewpass

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// funcName is the name of the function in page templates.
const funcName = "viewpassURL"

// Templates gives the page templates of engine the function viewpassURL, which
// knows the page being rendered:
//
//	<a href="{{ viewpassURL "reporting.view_report" }}">Get public URL</a>
//	<a href="{{ viewpassURL "reporting.view_report" "/other/" }}">Get public URL</a>
//
// On a page that was opened by a link it gives that same link, for the same
// page and permission, and "" otherwise: a link begets no others. On other
// pages it makes a new link where Config.Authorize grants the permission to
// the viewer, and gives "" where it does not. Without an Authorize it makes a
// link for every viewer: then the author of the template decides who is shown
// one. The second argument is a path and query as for URL.
//
// Call Templates once per engine, before the engine loads its templates and
// before its routes are registered. Programs that parse templates themselves
// and hand them to SetHTMLTemplate pass FuncMap, or engine.FuncMap, to the
// parser. Where SetFuncMap is used, call it before Templates.
//
// The engine's pages are then rendered to memory before anything is sent: a
// template that fails is a 500, not half a page.
func (l *Links) Templates(engine *gin.Engine) {
	if engine.FuncMap == nil {
		engine.FuncMap = template.FuncMap{}
	}
	for name, function := range FuncMap() {
		engine.FuncMap[name] = function
	}
	l.views.add(l, engine)
	engine.Use(l.views.attach)
}

// FuncMap returns the function viewpassURL for parsing templates. By itself
// it knows no request and fails when a page calls it; an engine that was given
// to Templates replaces it while it renders a page.
func FuncMap() template.FuncMap {
	return template.FuncMap{funcName: func(string, ...string) (string, error) {
		return "", errUnbound
	}}
}

var errUnbound = errors.New("ginviewpass: viewpassURL does not know the request; call links.Templates(engine) once, before the engine loads its templates and before its routes")

// HTML renders like c.HTML. Unlike it, the function viewpassURL gets the
// request from the call itself, whatever has been done to c.Writer. The engine
// must have been given to Templates.
func HTML(c *gin.Context, code int, name string, data any) {
	c.HTML(code, name, linksTemplatesWasNotCalled{context: c, data: data})
}

// linksTemplatesWasNotCalled carries the request through c.HTML. Our renderer
// unpacks it; a template that gets to see it fails, and says its name.
type linksTemplatesWasNotCalled struct {
	context *gin.Context
	data    any
}

// Page is a value for the data of a page, for those who do without a template
// function:
//
//	c.HTML(200, "report.html", gin.H{"Viewpass": links.Page(c)})
//	<a href="{{ .Viewpass.URL "reporting.view_report" }}">Get public URL</a>
//
// It needs no call of Templates. It belongs to the request, like c.
type Page struct {
	links   *Links
	context *gin.Context
}

// Page returns the value for the request being answered.
func (l *Links) Page(c *gin.Context) Page {
	return Page{links: l, context: c}
}

// URL is what viewpassURL gives: a link to the page being rendered, or to
// target, or "" where the viewer may have none. It fails when target or
// permission cannot be signed.
func (p Page) URL(permission string, target ...string) (string, error) {
	if p.links == nil || p.context == nil {
		return "", errUnbound
	}
	if len(target) > 1 {
		return "", errors.New("ginviewpass: viewpassURL takes a permission and at most one path")
	}
	if v := p.links.openedBy(p.context); v != nil {
		return p.links.sameLink(p.context.Request, v, permission, target)
	}
	if authorize := p.links.authorize; authorize != nil && !authorize(p.context, permission) {
		return "", nil
	}
	if len(target) == 1 {
		return p.links.URL(target[0], permission)
	}
	return p.links.currentURL(p.context.Request, permission)
}

// openedBy returns the visit by a link that held, even if the request has been
// rewritten to another page since.
func (l *Links) openedBy(c *gin.Context) *visit {
	v := visitOf(c)
	for v != nil && (v.links != l || v.err != nil) {
		v = v.before
	}
	return v
}

// sameLink returns the link that the page was opened by, if it is one to the
// target, else nothing.
func (l *Links) sameLink(r *http.Request, v *visit, permission string, targets []string) (string, error) {
	if v.grant.Permission != permission {
		return "", nil
	}
	if len(targets) == 1 {
		page, err := l.parseTarget(targets[0])
		if err != nil {
			return "", err
		}
		if page.path != v.grant.Path || page.query != v.grant.Query {
			return "", nil
		}
	} else if !v.at(r) {
		return "", nil // rewritten: the page being rendered is another one
	}
	query, err := printable(l.ignored.without(v.rawQuery, ""))
	if err != nil {
		return "", nil
	}
	return l.prefix + v.grant.Path + "?" + query, nil
}

// currentURL makes a link to the page being rendered. A visitor may have asked
// for it by an address that cannot be signed: that is no reason to fail.
func (l *Links) currentURL(r *http.Request, permission string) (string, error) {
	page := r.URL.EscapedPath()
	if query := l.ignored.without(r.URL.RawQuery, Param); query != "" {
		page += "?" + query
	}
	link, err := l.URL(page, permission)
	if errors.Is(err, ErrTarget) {
		l.logger.LogAttrs(r.Context(), slog.LevelDebug, "ginviewpass: no link to this page", slog.String("event", "viewpass.no_link"),
			slog.String("path", r.URL.Path), slog.String("reason", err.Error()))
		return "", nil
	}
	return link, err
}
