package admin

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"
)

// confirmations are the sentences after a change, by the code in the query of
// the page that follows. The code, and a number at most, come from the
// address: nobody can put words there.
var confirmations = map[string]struct{ one, many string }{
	"saved":          {"Saved.", ""},
	"unchanged":      {"Nothing was changed: everything was like that already.", ""},
	"extended":       {"Extended.", "%s tokens extended."},
	"never-expires":  {"Nothing was changed: this token never expires.", ""},
	"deactivated":    {"Deactivated. Who was inside is out.", "%s tokens deactivated. Who was inside is out."},
	"activated":      {"Activated. It lets people in again, unless it has expired or is used up.", ""},
	"deleted":        {"Deleted. Its entries stay in the record.", ""},
	"none-ticked":    {"Nothing was changed: tick the tokens first.", ""},
	"none-changed":   {"Nothing was changed: there was nothing left to do.", ""},
	"ended":          {"The pass is ended. Who held it has to enter again.", ""},
	"forgotten":      {"Forgotten in 1 entry.", "Forgotten in %s entries."},
	"no-such-token":  {"We know no such token. It was deleted, or is mistyped.", ""},
	"mistyped-token": {"That looks like a token with a slip in it. Check it against the original.", ""},
}

// done is the query that makes the next page say so. n is left out below 0.
func done(code string, n int) url.Values {
	query := url.Values{"done": {code}}
	if n >= 0 {
		query.Set("n", strconv.Itoa(n))
	}
	return query
}

func flash(c *gin.Context) string {
	sentence, known := confirmations[c.Query("done")]
	if !known {
		return ""
	}
	n, err := strconv.ParseInt(c.Query("n"), 10, 63)
	if err != nil || n < 0 || n == 1 || sentence.many == "" {
		return sentence.one
	}
	return fmt.Sprintf(sentence.many, grouped(n))
}
