package ginviewpass

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

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
