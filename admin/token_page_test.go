package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/models"
)

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"

func TestTokenPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "Acme", MaxUses: 50})
	s.get("/tokens/1").says("Nobody has used it yet.", "0 entries in 30 days.", "0 of 50", "Created just now by anna")
	now := time.Now()
	s.entry(row, models.NewAccessTokenUse{Name: "Zoë", Email: "zoe@acme.example", IP: "192.0.2.1", At: now.Add(-72 * time.Hour), UserAgent: "curl/8.5.0"})
	s.entry(row, models.NewAccessTokenUse{Name: "Ben", Email: "ben@acme.example", IP: "192.0.2.9", At: now.Add(-48 * time.Hour)})
	last := s.entry(row, models.NewAccessTokenUse{Name: "Zoë", Email: "ZOE@acme.example", IP: "2001:db8::1", At: now.Add(-24 * time.Hour), UserAgent: firefox})
	if err := models.MarkUsesSeen(context.Background(), s.db, []uint{last.ID}, now.Add(-5*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := models.RecordHeaderUse(context.Background(), s.db, row, models.NewAccessTokenUse{IP: "192.0.2.50", UserAgent: "Go-http-client/1.1", At: now}); err != nil {
		t.Fatal(err)
	}
	p := s.get("/tokens/1").is(http.StatusOK)
	p.says("A program 1 just now just now 192.0.2.50", "Header",
		"Zoë ZOE@acme.example 2 3 days ago 5 minutes ago 2001:db8::1 and 1 more Firefox 131 on Windows Gateway",
		"Ben ben@acme.example 1 2 days ago 2 days ago 192.0.2.9 Not told Gateway",
		"4 entries in 30 days.", "4 of 50")
	p.saysNot("passed on")
	if rects := p.find("rect", "class", "bar"); len(rects) != 4 {
		t.Errorf("the chart has %d bars, want 4", len(rects))
	}
	if len(p.find("title", "", "")) != 2 || len(p.find("desc", "", "")) != 1 {
		t.Error("the chart lacks its title or its description")
	}
	for _, n := range p.find("time", "", "") {
		if _, err := time.Parse(time.RFC3339, attr(n, "datetime")); err != nil && len(attr(n, "datetime")) != len(time.DateOnly) {
			t.Errorf("datetime %q is no time", attr(n, "datetime"))
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token models.NewAccessToken
		uses  func(i int) models.NewAccessTokenUse
		n     int
		old   bool
		want  string // "" for no warning
	}{
		"one person at three places":  {models.NewAccessToken{ForName: "A", ForEmail: "a@example.com"}, fromNetwork, 3, false, ""},
		"one person at four places":   {models.NewAccessToken{ForName: "A", ForEmail: "a@example.com"}, fromNetwork, 4, false, "issued to one person, but entered from 4 networks"},
		"the same, but long ago":      {models.NewAccessToken{ForName: "A", ForEmail: "a@example.com"}, fromNetwork, 4, true, ""},
		"one network, many addresses": {models.NewAccessToken{ForName: "A", ForEmail: "a@example.com"}, fromNeighbour, 9, false, ""},
		"25 people of one customer":   {models.NewAccessToken{}, asColleague, 25, false, ""},
		"26 people of one customer":   {models.NewAccessToken{}, asColleague, 26, false, "26 people entered with it"},
		"four domains":                {models.NewAccessToken{}, fromDomain, 4, false, "email addresses at 4 domains"},
		"three domains":               {models.NewAccessToken{}, fromDomain, 3, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			_, row := s.token(test.token)
			for i := range test.n {
				use := test.uses(i)
				use.At = time.Now().Add(-time.Hour)
				if test.old {
					use.At = time.Now().Add(-31 * 24 * time.Hour)
				}
				s.entry(row, use)
			}
			p := s.get("/tokens/1").is(http.StatusOK)
			if test.want == "" {
				p.saysNot("passed on")
			} else {
				p.says("This token seems to have been passed on", test.want)
			}
		})
	}
}

func fromNetwork(i int) models.NewAccessTokenUse {
	if i == 0 {
		return models.NewAccessTokenUse{IP: "2001:db8:1::1"}
	}
	return models.NewAccessTokenUse{IP: fmt.Sprintf("192.0.%d.1", i)}
}

func fromNeighbour(i int) models.NewAccessTokenUse {
	return models.NewAccessTokenUse{IP: fmt.Sprintf("2001:db8:1:%d::1", i)}
}

func asColleague(i int) models.NewAccessTokenUse {
	return models.NewAccessTokenUse{Name: "A", Email: fmt.Sprintf("a%d@acme.example", i)}
}

func fromDomain(i int) models.NewAccessTokenUse {
	return models.NewAccessTokenUse{Name: "A", Email: fmt.Sprintf("a@d%d.example", i)}
}

func TestHeaderSpread(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{})
	for i := range 4 {
		n := models.NewAccessTokenUse{IP: fmt.Sprintf("192.0.%d.1", i), At: time.Now()}
		if err := models.RecordHeaderUse(context.Background(), s.db, row, n); err != nil {
			t.Fatal(err)
		}
	}
	s.get("/tokens/1").says("Programs sent it as a header from 4 networks")
}

// With very many uses, the page sums up the latest, and says so.
func TestTokenPageWithManyUses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "x"})
	uses := make([]models.AccessTokenUse, 5100)
	for i := range uses {
		uses[i] = models.AccessTokenUse{Ref: fmt.Sprint(i), TokenID: row.ID, Channel: models.ChannelForm, Name: "N",
			Email: fmt.Sprintf("p%d@example.com", i%60), EmailKey: fmt.Sprintf("p%d@example.com", i%60),
			At: time.Now().Add(-time.Duration(5100-i) * 5 * time.Minute).UTC()}
	}
	if err := s.db.CreateInBatches(uses, 1000).Error; err != nil {
		t.Fatal(err)
	}
	p := s.get("/tokens/1").is(http.StatusOK).says("Counted are the latest 5,000 entries.", "And 10 people more.", "60 people entered")
	if len(p.find("rect", "class", "bar")) > 18 { // 5000 times 5 minutes are 17 days
		t.Error("the chart shows days that were not read whole")
	}
	s.get("/tokens/1/delete").says("at least 5,000 entries")
}

// hostile are texts that would do something, were they not escaped.
var hostile = []string{
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `</title></textarea></select><h1>big`,
	`javascript:alert(1)`, `{{.Root}}`, `<!--`, "`${alert(1)}`", `</style><style>*{display:none}`, `&lt;b&gt;&amp;`, "a\x00b\u202eexe", `"onfocus="alert(1)" autofocus x="`,
}

// Whatever strangers and admins write, pages keep the same shape: the tags and
// the names of attributes are those of a page with harmless texts.
func TestHostileTextsChangeNoPage(t *testing.T) {
	t.Parallel()
	want := shapes(t, "harmless")
	for i, text := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for path, shape := range shapes(t, text) {
				if shape != want[path] {
					t.Errorf("%s has another shape with %q:\n%s\nwant\n%s", path, text, shape, want[path])
				}
			}
		})
	}
}

// shapes fills a site with a text wherever there can be one, and gives the
// shape of every page.
func shapes(t *testing.T, text string) map[string]string {
	t.Helper()
	s := newSite(t, func(c *admin.Config) {
		withLinks(t)(c)
		c.Auth = func(c *gin.Context) {}
		c.Actor = func(*gin.Context) string { return text }
	})
	ctx := models.WithActor(context.Background(), text)
	_, row, err := models.CreateAccessToken(ctx, s.db, models.NewAccessToken{Label: "label " + text, CreatedBy: text, ForName: "n " + text, ForEmail: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Model(&row).UpdateColumn("for_email", text+"@").Error; err != nil {
		t.Fatal(err)
	}
	use := models.AccessTokenUse{Ref: "r", TokenID: 1, TokenLabel: text, Name: text, Email: text + "@x", EmailKey: text + "@x", IP: text, UserAgent: text,
		Channel: models.ChannelForm, At: time.Now().UTC()}
	gone := use
	gone.Ref, gone.TokenID = "s", 99
	if err := s.db.Create([]*models.AccessTokenUse{&use, &gone}).Error; err != nil {
		t.Fatal(err)
	}
	change := models.AccessTokenChange{TokenID: 1, Actor: text, Action: "edited", Before: `{"label":` + quoted(text) + `}`, After: `{"label":` + quoted(text) + `}`, At: time.Now().UTC()}
	if err := s.db.Create(&change).Error; err != nil {
		t.Fatal(err)
	}
	shapes := map[string]string{}
	q := url.QueryEscape(text)
	for _, path := range []string{"/", "/tokens", "/tokens?q=" + q, "/tokens/1", "/tokens/1/edit", "/tokens/1/delete", "/uses", "/uses?token_id=1",
		"/uses?token_id=" + q + "&person=" + q + "&address=" + q + "&since=" + q + "&until=" + q} {
		key, _, _ := strings.Cut(path, q)
		shapes[key] = s.get(path).shape()
	}
	wrong := form("label", text, "expires", "date", "date", text, "max_uses", text, "for_name", text, "for_email", text, "version", text, "key", text)
	shapes["POST /tokens"] = s.post("/tokens", wrong).shape()
	shapes["POST /tokens/1/edit"] = s.post("/tokens/1/edit", wrong).shape()
	shapes["conflict"] = s.post("/tokens/1/edit", form("version", "7", "label", text, "expires", "keep", "for_name", "x", "for_email", "a@example.com")).shape()
	shapes["POST /links"] = s.post("/links", form("path", "#"+text, "permission", text, "expires", "date", "date", text)).shape()
	shapes["POST /links/inspect"] = s.post("/links/inspect", form("link", text)).shape()
	shapes["bulk"] = s.post("/tokens/bulk", form("do", "deactivate", "id", "1", "here", text)).shape()
	shapes["forget"] = s.post("/uses/forget/count", form("email", text+"@none")).shape()
	shapes["made"] = s.post("/tokens", form("label", text, "expires", "7d", "for_name", text, "for_email", "a@example.com")).shape()
	return shapes
}

func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\x00", "").Replace(text) + `"`
}

// shape is the tree of elements with the names of their attributes, without
// the drawings, whose parts vary.
func (p *page) shape() string {
	var b strings.Builder
	fmt.Fprintln(&b, p.Code)
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if n.Type == html.ElementNode {
			b.WriteString(strings.Repeat(" ", depth) + n.Data)
			for _, a := range n.Attr {
				b.WriteString(" " + a.Key)
				if (a.Key == "href" || a.Key == "action") && !strings.HasPrefix(a.Val, root) && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "mailto:") {
					b.WriteString("=" + a.Val)
				}
			}
			b.WriteByte('\n')
		}
		if n.Data == "svg" {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, depth+1)
		}
	}
	walk(p.doc, 0)
	return b.String()
}
