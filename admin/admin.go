package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// Mount adds the admin pages to group, below its path: the overview stands at
// the path with a slash at the end. It returns one error that lists every
// mistake in config, and then adds no route. Routes and middlewares of the
// host's own on the group stay as they are; middlewares added to it after
// Mount do not run for these pages.
func Mount(group *gin.RouterGroup, config Config) error {
	a, err := newAdmin(group, config)
	if err != nil {
		return err
	}
	a.routes(group.Group("", a.checkRequest, config.Auth, a.checkActor, a.checkOrigin))
	return nil
}

type admin struct {
	Config
	root    string // the path of the pages as browsers see it, without a slash at the end
	pages   *templates.Pages
	origins *http.CrossOriginProtection
	past    pastDays
}

// routes is every address of the admin. What changes something is a POST.
func (a *admin) routes(r *gin.RouterGroup) {
	r.GET("/", a.answer(a.overview))

	r.GET("/tokens", a.answer(a.listTokens))
	r.POST("/tokens", a.answer(a.createToken))
	r.GET("/tokens/new", a.answer(a.newToken))
	r.POST("/tokens/search", a.answer(a.searchTokens))
	r.POST("/tokens/bulk", a.answer(a.changeTokens))
	r.GET("/tokens/:id", a.answer(a.showToken))
	r.GET("/tokens/:id/edit", a.answer(a.editToken))
	r.POST("/tokens/:id/edit", a.answer(a.updateToken))
	r.POST("/tokens/:id/extend", a.answer(a.extendToken))
	r.POST("/tokens/:id/deactivate", a.answer(a.deactivateToken))
	r.POST("/tokens/:id/activate", a.answer(a.activateToken))
	r.GET("/tokens/:id/delete", a.answer(a.askDeleteToken))
	r.POST("/tokens/:id/delete", a.answer(a.deleteToken))

	r.GET("/uses", a.answer(a.listUses))
	r.GET("/uses.csv", a.answer(a.exportUses))
	r.POST("/uses/:id/end", a.answer(a.endUse))
	r.GET("/uses/forget", a.answer(a.askForget))
	r.POST("/uses/forget/count", a.answer(a.countForget))
	r.POST("/uses/forget", a.answer(a.forget))

	if a.linksMounted() {
		r.GET("/links", a.answer(a.showLinks))
		r.POST("/links", a.answer(a.createLink))
		r.POST("/links/inspect", a.answer(a.inspectLink))
	}
}
