package ginperimeter

import (
	"context"
	"net/http"
	"reflect"

	"github.com/gin-gonic/gin"
)

// Protect guards a whole engine from outside: routes registered before any
// middleware, and the redirects and 405 answers that Gin gives without asking
// one. Serve what it returns instead of r. The middlewares in before run ahead
// of the gate: sessions.Sessions must be among them, and links.Middleware() of
// package ginviewpass if it is used. What they put into the request's context
// is there for r's handlers, and Visitor and ginviewpass.HasPermission work
// there; what they put into the Gin context is not, so that handlers which use
// the session need r.Use(sessions.Sessions(…)) as well.
//
// Client addresses are found as r finds them: set r's trusted proxies first.
func (g *Gate) Protect(r *gin.Engine, before ...gin.HandlerFunc) http.Handler {
	outer := gin.New()
	outer.ForwardedByClientIP = r.ForwardedByClientIP
	outer.RemoteIPHeaders = r.RemoteIPHeaders
	outer.TrustedPlatform = r.TrustedPlatform
	outer.ContextWithFallback = r.ContextWithFallback
	outer.UseH2C = r.UseH2C
	if err := outer.SetTrustedProxies(trustedProxies(r)); err != nil {
		_ = outer.SetTrustedProxies(nil) // r refused the same; believe nobody
	}
	g.warnAtStart(outer)
	outer.Use(before...)
	outer.NoRoute(func(c *gin.Context) {
		pass, ok := g.admit(c)
		if !ok {
			return
		}
		request := c.Request
		if pass != nil {
			request = request.WithContext(context.WithValue(request.Context(), passKey{}, pass))
		}
		c.Status(http.StatusOK) // not the 404 that Gin set before NoRoute
		r.ServeHTTP(c.Writer, request)
		c.Writer.WriteHeaderNow()
	})
	return outer.Handler()
}

// trustedProxies reads what r.SetTrustedProxies was given, which Gin does not
// export. A Gin that keeps it elsewhere makes the gate trust no proxy.
func trustedProxies(r *gin.Engine) []string {
	field := reflect.ValueOf(r).Elem().FieldByName("trustedProxies")
	if !field.IsValid() || field.Kind() != reflect.Slice {
		return nil
	}
	proxies := make([]string, 0, field.Len())
	for i := range field.Len() {
		proxies = append(proxies, field.Index(i).String())
	}
	return proxies
}
