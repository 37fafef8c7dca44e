package ginviewpass

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/render"
)

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

// keptBuffer is the size in bytes up to which a page's buffer is used again.
const keptBuffer = 256 << 10

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
