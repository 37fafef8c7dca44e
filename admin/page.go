package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// view is what every page's data embeds.
type view struct {
	templates.Frame
	Root string // the path of the admin, without a slash at the end
}

func (a *admin) view(c *gin.Context, section string) view {
	return view{
		Frame: templates.Frame{Site: a.site(c), Nav: a.nav(section), Actor: actorOf(c), Flash: flash(c)},
		Root:  a.root,
	}
}

func (a *admin) nav(section string) []templates.NavItem {
	items := []templates.NavItem{
		{Label: "Overview", Href: a.root + "/"},
		{Label: "Tokens", Href: a.root + "/tokens"},
		{Label: "Uses", Href: a.root + "/uses"},
	}
	if a.linksMounted() {
		items = append(items, templates.NavItem{Label: "Links", Href: a.root + "/links"})
	}
	for i := range items {
		items[i].Current = items[i].Label == section
	}
	return items
}

// site is the name that stands for the site.
func (a *admin) site(c *gin.Context) string {
	if a.Look.SiteName != "" {
		return a.Look.SiteName
	}
	if host, _, err := net.SplitHostPort(c.Request.Host); err == nil {
		return host
	}
	return c.Request.Host
}

// write sends a page. When it cannot be rendered, nothing was sent yet.
func (a *admin) write(c *gin.Context, status int, name string, data any) {
	err := a.pages.Write(c.Writer, status, name, data)
	if err == nil || c.Writer.Written() {
		return // written, or the client has gone
	}
	a.Logger.Error("admin: a page cannot be rendered", "event", "admin.page", "page", name, "error", err)
	http.Error(c.Writer, "This page cannot be shown. The log says why.", http.StatusInternalServerError)
}

// answer makes a handler of a function that may fail.
func (a *admin) answer(handle func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handle(c); err != nil {
			a.fail(c, err)
		}
	}
}

type problemView struct {
	view
	Heading, Text, Next string
	Link, Label         string
}

// fail is the one place that decides how an error is answered.
func (a *admin) fail(c *gin.Context, err error) {
	var tooLarge *http.MaxBytesError
	page := problemView{view: a.view(c, ""), Link: a.root + "/", Label: "Go to the overview"}
	switch {
	case errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil:
		c.Abort() // nobody is there to read an answer
	case errors.Is(err, models.ErrNotFound):
		page.Heading, page.Text = "There is nothing here", "It was deleted, or the address is mistyped."
		a.write(c, http.StatusNotFound, "admin/problem.html", page)
	case errors.Is(err, models.ErrConflict):
		page.Heading, page.Text = "Somebody else changed this at the same moment", "Nothing of yours was changed. Go back and try again."
		a.write(c, http.StatusConflict, "admin/problem.html", page)
	case errors.As(err, &tooLarge):
		page.Heading, page.Text = "That is too much at once", "The form was larger than this page takes. Nothing was changed."
		a.write(c, http.StatusRequestEntityTooLarge, "admin/problem.html", page)
	case errors.Is(err, errBadForm):
		page.Heading, page.Text = "This form cannot be read", "Nothing was changed. Open the page again and send the form from there."
		a.write(c, http.StatusBadRequest, "admin/problem.html", page)
	default:
		a.logFailure(c, err)
		page.Heading, page.Text, page.Next = "The database does not answer", "If you changed something, it may not have been saved.", "Try again in a minute."
		c.Header("Retry-After", retryAfter)
		a.write(c, http.StatusServiceUnavailable, "admin/problem.html", page)
	}
}

// retryAfter is in how many seconds a client may try again when the database
// is away.
const retryAfter = "30"

// unavailable is the sentence on a form that could not be saved.
const unavailable = "The database does not answer, so this was not saved. What you typed is still here: try again in a minute."

func (a *admin) logFailure(c *gin.Context, err error) {
	a.Logger.Error("admin: a request failed", "event", "admin.failed", "method", c.Request.Method, "path", c.FullPath(), "error", err)
}

var errBadForm = errors.New("admin: unreadable form")

// readForm reads the body of a POST; the query is no part of it.
func readForm(c *gin.Context) (url.Values, error) {
	if err := c.Request.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, errBadForm
	}
	return c.Request.PostForm, nil
}

// pathID reads the :id of the path. Whatever is no number has no row either.
func pathID(c *gin.Context) (uint, error) { return readID(c.Param("id")) }

func readID(text string) (uint, error) {
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil || id == 0 || strconv.FormatUint(id, 10) != text {
		return 0, models.ErrNotFound
	}
	return uint(id), nil
}

// redirect sends the browser on after a change. The path is one of the
// admin's own and is not cleaned or resolved.
func (a *admin) redirect(c *gin.Context, path string, query url.Values) error {
	target := a.root + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	c.Header("Location", target)
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
	return nil
}

// acting is the request's context with the admin's name, for what is recorded.
func acting(c *gin.Context) context.Context {
	return models.WithActor(c.Request.Context(), actorOf(c))
}

// oneLine is a search text as people paste it.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
