package ginviewpass

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/render"
)

// funcName is the name of the function in page templates.
const funcName = "viewpassURL"

// keptBuffer is the size in bytes up to which a page's buffer is used again.
const keptBuffer = 256 << 10

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
		l.logger.LogAttrs(r.Context(), slog.LevelDebug, "ginviewpass: no link to this page",
			slog.String("path", r.URL.Path), slog.String("reason", err.Error()))
		return "", nil
	}
	return link, err
}

// views makes viewpassURL work on the engines that were given to Templates.
//
// A function of html/template is bound when the template is parsed, and Gin
// tells a renderer nothing but c.Writer and the data. So c.Writer is wrapped
// in one that knows its request, and the engine's renderer in one that looks
// for it there.
type views struct {
	used    atomic.Bool // Templates was called
	pending atomic.Bool // an engine's renderer may be unwrapped
	mu      sync.Mutex
	links   *Links
	engines []*gin.Engine
}

func (v *views) add(l *Links, engine *gin.Engine) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.links = l
	v.engines = append(v.engines, engine)
	v.used.Store(true)
	v.pending.Store(true)
}

// install wraps the renderers of all engines. It runs with the first request,
// when the templates have been loaded: each load makes a new renderer.
func (v *views) install() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, engine := range v.engines {
		if _, wrapped := engine.HTMLRender.(*renderer); !wrapped && engine.HTMLRender != nil {
			engine.HTMLRender = newRenderer(v.links, engine.HTMLRender)
		}
	}
	v.pending.Store(false)
}

// attach makes the request known to what renders its page. It is a handler.
func (v *views) attach(c *gin.Context) {
	if !v.used.Load() {
		return
	}
	if v.pending.Load() {
		v.install()
	}
	if w, ok := c.Writer.(*writer); !ok || w.context != c {
		c.Writer = &writer{ResponseWriter: c.Writer, context: c}
	}
}

// writer is a c.Writer that knows its request.
type writer struct {
	gin.ResponseWriter
	context *gin.Context
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// probes counts the calls of contextOf that are under way.
var probes atomic.Int32

// Pusher answers contextOf when one is asking. Wrappers of c.Writer embed it
// and override what has to do with the body; this method gets through.
func (w *writer) Pusher() http.Pusher {
	pusher := w.ResponseWriter.Pusher()
	if probes.Load() == 0 {
		return pusher
	}
	return carrier{pusher: pusher, context: w.context}
}

// carrier is a Pusher with a request. Another request may be given one when
// it asks for its Pusher during a probe, so it does what Pushers do.
type carrier struct {
	pusher  http.Pusher
	context *gin.Context
}

func (p carrier) Push(target string, options *http.PushOptions) error {
	if p.pusher == nil {
		return http.ErrNotSupported
	}
	return p.pusher.Push(target, options)
}

// contextOf finds the request that w belongs to, however often its writer has
// been wrapped since, or returns nil.
func contextOf(w http.ResponseWriter) *gin.Context {
	if w, ok := w.(*writer); ok {
		return w.context
	}
	outer, ok := w.(gin.ResponseWriter)
	if !ok {
		return nil
	}
	probes.Add(1)
	defer probes.Add(-1)
	found, _ := outer.Pusher().(carrier)
	return found.context
}

// renderer is an engine's HTMLRender that binds viewpassURL to the request.
type renderer struct {
	links *Links
	inner render.HTMLRender
	fresh bool // inner parses for each page: nobody else has its templates

	mu    sync.Mutex
	pools map[*template.Template]*pool
}

// maxPools bounds what is kept when an inner renderer, unknown to us, makes a
// template for each page.
const maxPools = 256

func newRenderer(l *Links, inner render.HTMLRender) *renderer {
	r := &renderer{links: l, inner: inner, pools: make(map[*template.Template]*pool)}
	switch inner := inner.(type) {
	case render.HTMLDebug:
		r.fresh = true
	case render.HTMLProduction:
		r.poolFor(inner.Template) // now, before anybody executes it
	}
	return r
}

// Instance implements render.HTMLRender.
func (r *renderer) Instance(name string, data any) render.Render {
	this, _ := data.(linksTemplatesWasNotCalled)
	if this.context != nil {
		data = this.data
	}
	instance := r.inner.Instance(name, data)
	page, ok := instance.(render.HTML)
	if !ok || page.Template == nil {
		return instance // not html/template, so without our function
	}
	return pageRender{HTML: page, renderer: r, context: this.context}
}

// pageRender is one page about to be rendered.
type pageRender struct {
	render.HTML
	renderer *renderer
	context  *gin.Context // nil: look it up by the writer
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render implements render.Render. Nothing is sent unless the page is whole.
func (p pageRender) Render(w http.ResponseWriter) error {
	c := p.context
	if c == nil {
		c = contextOf(w)
	}
	body := buffers.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= keptBuffer {
			body.Reset()
			buffers.Put(body)
		}
	}()
	if err := p.renderer.execute(body, p.HTML, Page{links: p.renderer.links, context: c}); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return err
	}
	p.WriteContentType(w)
	_, err := w.Write(body.Bytes())
	return err
}

func (r *renderer) execute(body *bytes.Buffer, html render.HTML, page Page) error {
	if r.fresh {
		set := html.Template.Funcs(template.FuncMap{funcName: page.URL})
		return executeTemplate(set, body, html)
	}
	pool := r.poolFor(html.Template)
	clone, err := pool.get()
	if err != nil {
		return err
	}
	clone.page = page
	err = executeTemplate(clone.set, body, html)
	clone.page = Page{}
	pool.put(clone)
	return err
}

func executeTemplate(set *template.Template, body *bytes.Buffer, html render.HTML) error {
	if html.Name == "" {
		return set.Execute(body, html.Data)
	}
	return set.ExecuteTemplate(body, html.Name, html.Data)
}

// poolFor returns the clones of set.
func (r *renderer) poolFor(set *template.Template) *pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pools[set]
	if p == nil {
		p = newPool(set)
		if len(r.pools) < maxPools {
			r.pools[set] = p
		}
	}
	return p
}

// pool keeps clones of a set of templates, each with a function of its own
// that knows one request at a time. A clone for every page would cost several
// times what rendering does.
type pool struct {
	pristine *template.Template // never executed, so that it can be cloned
	err      error
	free     chan *clone
}

// maxFree is the number of idle clones that are kept. A clone is busy while a
// page is rendered to memory, so more than a few per processor are rare.
const maxFree = 32

type clone struct {
	set  *template.Template
	page Page
}

func newPool(set *template.Template) *pool {
	pristine, err := set.Clone()
	if err != nil {
		err = fmt.Errorf("ginviewpass: a template was executed elsewhere before its first page; give the engine a Clone of it: %w", err)
	}
	return &pool{pristine: pristine, err: err, free: make(chan *clone, maxFree)}
}

func (p *pool) get() (*clone, error) {
	select {
	case c := <-p.free:
		return c, nil
	default:
	}
	if p.err != nil {
		return nil, p.err
	}
	set, err := p.pristine.Clone()
	if err != nil {
		return nil, fmt.Errorf("ginviewpass: cloning a template: %w", err)
	}
	c := &clone{set: set}
	set.Funcs(template.FuncMap{funcName: func(permission string, target ...string) (string, error) {
		return c.page.URL(permission, target...)
	}})
	return c, nil
}

func (p *pool) put(c *clone) {
	select {
	case p.free <- c:
	default:
	}
}
