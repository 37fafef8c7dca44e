package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// maxForm is the largest form that is read, in bytes: a thousand tokens
// ticked, with room to spare.
const maxForm = 256 << 10

// checkRequest runs before Auth: whatever Auth answers is kept by nobody.
func (a *admin) checkRequest(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that know no frame-ancestors
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
}

const actorKey = "github.com/gin-perimeter/gin-perimeter/admin actor"

// checkActor refuses a request that Auth let through without saying whose it
// is: a mistake in Auth must not open the door.
func (a *admin) checkActor(c *gin.Context) {
	if c.Writer.Written() { // Auth answered and forgot to abort
		c.Abort()
		return
	}
	actor := a.Actor(c)
	if actor == "" {
		a.Logger.Error("admin: Auth let a request through, but Actor names nobody; let Auth set gin.AuthUserKey, or set Config.Actor",
			"event", "admin.misconfigured",
			"path", c.FullPath())
		a.refuse(c, "You are not signed in", "The site let you in here without saying who you are, so nothing is shown.",
			"Sign in, or tell the people who run this site.")
		return
	}
	c.Set(actorKey, actor)
}

// checkOrigin refuses forms that another site sent.
func (a *admin) checkOrigin(c *gin.Context) {
	if err := a.origins.Check(c.Request); err != nil {
		a.Logger.Warn("admin: refused a form from another origin; list it in TrustedOrigins if it is yours",
			"event", "admin.cross_origin",
			"origin", c.GetHeader("Origin"), "path", c.FullPath())
		a.refuse(c, "This form came from another site", "To protect you, changes are only taken from the pages of this site. Nothing was changed.",
			"Open the page here and try again.")
	}
}

// refuse answers 403 with a page that shows nothing of the admin.
func (a *admin) refuse(c *gin.Context, heading, text, next string) {
	c.Abort()
	a.write(c, http.StatusForbidden, "notice.html", templates.Notice{Site: a.site(c), Heading: heading, Text: text, Next: next})
}

func actorOf(c *gin.Context) string { return c.GetString(actorKey) }
