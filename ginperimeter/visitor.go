package ginperimeter

import (
	"github.com/gin-gonic/gin"
)

// passKey is where the pass is kept, in the Gin context and the request's.
type passKey struct{}

// Visitor tells who came through the gate, in a handler behind it. It makes no
// query. It answers false on requests that were bypassed, or that no gate
// guards.
func Visitor(c *gin.Context) (Pass, bool) {
	if pass := admitted(c); pass != nil {
		return *pass, true
	}
	return Pass{}, false
}

// admitted is the pass that a gate before has put into the request, or nil.
func admitted(c *gin.Context) *Pass {
	if value, ok := c.Get(passKey{}); ok {
		if pass, ok := value.(*Pass); ok {
			return pass
		}
	}
	if c.Request != nil {
		if pass, ok := c.Request.Context().Value(passKey{}).(*Pass); ok {
			return pass
		}
	}
	return nil
}
