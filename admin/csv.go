package admin

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/internal/usecsv"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// exportUses streams the uses that the filter lets through, in any number.
// Until the first of them was read, an error still gets a page of its own;
// after that, the connection is cut, so that nobody takes a part for the whole.
func (a *admin) exportUses(c *gin.Context) error {
	q := readUseQuery(c.Request.URL.Query())
	filter := q.filter(a.Location)
	if len(q.Errors) > 0 {
		return a.redirect(c, "/uses", q.values()) // where the mistakes are shown
	}
	export := &export{a: a, c: c}
	err := models.EachAccessTokenUse(c.Request.Context(), a.DB, filter, export.write)
	if err != nil && export.csv == nil {
		return err
	}
	if err == nil {
		err = export.finish()
	}
	if err != nil {
		if c.Request.Context().Err() == nil { // else the client left
			a.logFailure(c, err)
		}
		abort(c)
	}
	return nil
}

// export is a CSV file on its way to the browser.
type export struct {
	a    *admin
	c    *gin.Context
	csv  *usecsv.Writer
	rows int
}

// flushRows is after how many rows what there is goes out.
const flushRows = 1000

// byteOrderMark lets spreadsheets read the file as UTF-8.
const byteOrderMark = "\ufeff"

func (e *export) write(use models.AccessTokenUse) error {
	if err := e.begin(); err != nil {
		return err
	}
	if err := e.csv.Write(use); err != nil {
		return err
	}
	e.rows++
	if e.rows%flushRows > 0 {
		return nil
	}
	e.extendDeadline()
	if err := e.csv.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(e.c.Writer).Flush()
}

func (e *export) begin() error {
	if e.csv != nil {
		return nil
	}
	e.csv = usecsv.NewWriter(e.c.Writer)
	e.extendDeadline()
	h := e.c.Writer.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="entries-`+e.a.today()+`.csv"`)
	e.c.Status(http.StatusOK)
	_, err := io.WriteString(e.c.Writer, byteOrderMark)
	return err
}

func (e *export) finish() error {
	if err := e.begin(); err != nil { // there was no use
		return err
	}
	return e.csv.Flush()
}

// exportStall is how long a client may take for the next rows, where the
// server limits the time of an answer.
const exportStall = time.Minute

// extendDeadline lets a long export outlive the server's WriteTimeout while
// the client keeps reading. The server sets the deadline anew for the next
// request.
func (e *export) extendDeadline() {
	server, ok := e.c.Request.Context().Value(http.ServerContextKey).(*http.Server)
	if ok && server.WriteTimeout > 0 {
		// a server that cannot do it ends the export, which the client sees
		_ = http.NewResponseController(e.c.Writer).SetWriteDeadline(time.Now().Add(exportStall))
	}
}

// abort cuts the connection off. A panic with http.ErrAbortHandler alone would
// not do: gin.Recovery swallows it, and the answer would end as if complete.
func abort(c *gin.Context) {
	c.Abort()
	if http.NewResponseController(c.Writer).SetWriteDeadline(time.Unix(1, 0)) != nil {
		panic(http.ErrAbortHandler)
	}
}
