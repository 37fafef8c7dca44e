package hostile

import (
	"bytes"
	"encoding/csv"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// texts are what strangers write into every field that takes one.
var texts = []string{
	`<script>alert(1)</script>`, `</title><script>alert(1)</script>`, `</style><script>alert(1)</script>`, `</textarea><script>x</script>`, `"><img src=x onerror=alert(1)>`, `" onfocus="alert(1)" autofocus="`,
	`' onmouseover='alert(1)`, `x onclick=alert(1)`, `javascript:alert(1)`, `<!--`, `-->`, `<!--><script>alert(1)</script>`, `<![CDATA[<script>]]>`, `<svg/onload=alert(1)>`, `<math><mtext></mtext><script>x</script></math>`, `<base href="//evil.example/">`,
	`<meta http-equiv=refresh content="0;url=//evil.example">`, `<form action="//evil.example">`, `</form><form action=//evil.example>`, `<iframe srcdoc="&lt;script&gt;">`, `<link rel=stylesheet href=//evil.example>`, `&lt;script&gt;`, `&#60;script&#62;`, `%3Cscript%3E`,
	`{{.}}`, `{{template "x"}}`, `<< . >>`, `${7*7}`, `<%= 7 %>`, "`alert(1)`", `\u003cscript\u003e`, `\";alert(1)//`, `';alert(1)//`, `<scr` + "\x00" + `ipt>alert(1)</script>`, `<a href="java` + "\t" + `script:x">`, "＜script＞", "\u2028alert(1)", "a\u202egnp.exe", "a\u200bb", "a\ufeffb",
	"\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "a\rb", "a\nb", "a\r\nX: y", "a\vb\fc", "\x7f", "a\x08\x08b", "level=ERROR msg=forged", "=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", " =1", "\"=1", ";=1", ",=1", "|=1", "＝1", "=HYPERLINK(\"http://evil.example\",\"x\")", "=WEBSERVICE(\"http://evil.example\")", "%0d%0aX: y",
	strings.Repeat("<b>", 80), strings.Repeat("Ä", 300), strings.Repeat("\u0301", 100) + "a", "ﷺ", "👩‍👩‍👧‍👦", "' OR 1=1 --", "\"; DROP TABLE access_tokens; --", "../../etc/passwd", "a?bcc=evil@evil.example&body=x",
}

// skeleton is a page without its texts and the values of its attributes.
func skeleton(t testing.TB, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(node *html.Node) {
		if node.Type == html.ElementNode {
			b.WriteString("<" + node.Data)
			for _, a := range node.Attr {
				b.WriteString(" " + a.Key)
			}
			b.WriteString(">")
		}
		if node.Type == html.CommentNode {
			b.WriteString("<!---->")
		}
		for child := range node.ChildNodes() {
			walk(child)
		}
		if node.Type == html.ElementNode {
			b.WriteString("</" + node.Data + ">")
		}
	}
	walk(root)
	return b.String()
}

// inert fails for addresses on a page that lead to scripts or elsewhere.
func inert(t testing.TB, what, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for node := range root.Descendants() {
		for _, a := range node.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				t.Errorf("%s: <%s %s=%q>", what, node.Data, a.Key, a.Val)
			}
			if slices.Contains([]string{"href", "src", "action", "formaction", "data", "poster"}, a.Key) && host(a.Val) != "this" && !strings.HasPrefix(a.Val, "mailto:") {
				t.Errorf("%s: <%s %s=%q> leads to %s", what, node.Data, a.Key, a.Val, host(a.Val))
			}
		}
	}
}

func TestTheGatewayShowsTextsAsTexts(t *testing.T) {
	t.Parallel()
	h := newVault(t)
	ask := func(token, name, email, hostName string) string {
		body := url.Values{"token": {token}, "name": {name}, "email": {email}}.Encode()
		r := httptest.NewRequest("POST", "/perimeter/gateway?next="+url.QueryEscape("/"+name), strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Host = hostName
		return h.send(r, "198.51.100.1:9", nil).Body.String()
	}
	// a text that can be no token, so that no limit answers instead
	harmless := skeleton(t, ask(strings.Repeat("x", 300), strings.Repeat("a", 201), "wrong", "site.example"))
	for _, text := range texts {
		page := ask(text+strings.Repeat("x", 300), text+strings.Repeat("a", 201), text+" x", text)
		if got := skeleton(t, page); got != harmless {
			t.Errorf("%.60q changes the page:\n%s\n%s", text, got, harmless)
		}
		inert(t, text, page)
	}
	link := httptest.NewRequest("POST", "/x", nil)
	link.Header.Set("Accept", "text/html")
	want := skeleton(t, h.send(link, "198.51.100.1:9", nil).Body.String())
	for _, text := range texts {
		link.Host, link.URL.Path = text, "/"+text
		link.Header.Set("Referer", "http://"+text)
		if got := skeleton(t, h.send(link, "198.51.100.1:9", nil).Body.String()); got != want {
			t.Errorf("%.60q changes the notice", text)
		}
	}
}

// office is the admin with one token and one entry, which have a text in
// every field.
func office(t *testing.T, db *gorm.DB, text string) *gin.Engine {
	t.Helper()
	if all := []rune(text); len(all) > 190 {
		text = string(all[:190]) + " "
	}
	ctx := models.WithActor(t.Context(), text)
	_, row, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{Label: text, ForName: "for " + text, ForEmail: "a@b.example", CreatedBy: text})
	must(t, err)
	must(t, models.DeactivateAccessToken(ctx, db, row.ID))
	must(t, models.ActivateAccessToken(ctx, db, row.ID))
	row.ForName = "" // the entry is of somebody who wrote in the fields
	_, err = models.RecordEntry(ctx, db, row, models.NewPassRef(), models.NewAccessTokenUse{
		Name: "n" + text, Email: "e" + text, IP: "i" + text, UserAgent: "u" + text, At: time.Now(),
	})
	must(t, err)
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{[]byte("a key for links of 32 bytes, ok!")}})
	must(t, err)
	r := gin.New()
	must(t, admin.Mount(r.Group("/admin"), admin.Config{
		DB: db, Auth: func(c *gin.Context) { c.Set(gin.AuthUserKey, "a"+text) }, Links: links, Permissions: []string{"p"},
		Logger: slog.New(slog.DiscardHandler),
	}))
	return r
}

func visit(r http.Handler, method, uri string, form url.Values) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, uri, strings.NewReader(form.Encode()))
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, request)
	return w
}

// adminPages are all pages on which a stranger's text can stand, with the text
// in every field that is shown again.
func adminPages(r http.Handler, text string) map[string]string {
	form := url.Values{"label": {text + strings.Repeat("x", 201)}, "token": {text}, "expires": {text}, "date": {text}, "max_uses": {"x" + text}, "for_name": {"n" + text}, "for_email": {text + " x"}, "version": {text}, "key": {"k"}}
	return map[string]string{
		"overview": visit(r, "GET", "/admin/", nil).Body.String(), "tokens": visit(r, "GET", "/admin/tokens", nil).Body.String(),
		"search": visit(r, "GET", "/admin/tokens?q="+url.QueryEscape("zzz"+text), nil).Body.String(), "token": visit(r, "GET", "/admin/tokens/1", nil).Body.String(),
		"edit": visit(r, "GET", "/admin/tokens/1/edit", nil).Body.String(), "delete": visit(r, "GET", "/admin/tokens/1/delete", nil).Body.String(),
		"uses": visit(r, "GET", "/admin/uses", nil).Body.String(), "filtered": visit(r, "GET", "/admin/uses?person=zzz"+url.QueryEscape(text), nil).Body.String(),
		"wrong filter": visit(r, "GET", "/admin/uses?token_id="+url.QueryEscape("x"+text)+"&address="+url.QueryEscape("x"+text)+"&since="+url.QueryEscape("x"+text)+"&until="+url.QueryEscape("x"+text), nil).Body.String(),
		"mistakes":     visit(r, "POST", "/admin/tokens", form).Body.String(), "mistakes of an edit": visit(r, "POST", "/admin/tokens/1/edit", form).Body.String(),
		"deactivate": visit(r, "POST", "/admin/tokens/bulk", url.Values{"id": {"1"}, "do": {"deactivate"}, "here": {text}}).Body.String(),
		"forget":     visit(r, "POST", "/admin/uses/forget/count", url.Values{"email": {"zzz" + text}}).Body.String(),
		"link":       visit(r, "POST", "/admin/links", url.Values{"path": {"zzz" + text}, "permission": {"p"}, "expires": {"7d"}}).Body.String(),
		"inspect":    visit(r, "POST", "/admin/links/inspect", url.Values{"link": {"zzz" + text}}).Body.String(),
		"no page":    visit(r, "GET", "/admin/tokens/"+url.PathEscape("x"+strings.ReplaceAll(text, "/", "|")), nil).Body.String(),
	}
}

func TestTheAdminShowsTextsAsTexts(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for name, page := range adminPages(office(t, dbtest.Open(t), "harmless"), "harmless") {
		want[name] = skeleton(t, page)
	}
	for _, text := range texts {
		pages := adminPages(office(t, dbtest.Open(t), "z"+text), text)
		for name, page := range pages {
			inert(t, name+" "+text, page)
			if got := skeleton(t, page); got != want[name] {
				t.Errorf("%s: %.60q changes the page:\n%s\n%s", name, text, got, want[name])
			}
		}
	}
}

func TestTheExportIsInertInSpreadsheets(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		body := strings.TrimPrefix(visit(office(t, dbtest.Open(t), text+" "), "GET", "/admin/uses.csv", nil).Body.String(), "\ufeff")
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%.60q: %d rows, %v", text, len(rows), err)
		}
		for i, cell := range rows[1] {
			if trimmed := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || r == '"' }); trimmed != "" && strings.ContainsAny(trimmed[:1], "=+-@") {
				t.Errorf("%.60q: column %s begins a formula: %q", text, rows[0][i], cell)
			}
			if strings.ContainsFunc(cell, unicode.IsControl) {
				t.Errorf("%.60q: column %s has control characters: %q", text, rows[0][i], cell)
			}
		}
	}
}

func TestTheMailThatInvitesHasOneReceiver(t *testing.T) {
	t.Parallel()
	r := office(t, dbtest.Open(t), "harmless")
	for i, text := range append(texts, "b@c.example?bcc=evil@evil.example", "x&bcc=evil@evil.example") {
		form := url.Values{"label": {"l"}, "expires": {"7d"}, "for_name": {"n" + text}, "for_email": {"a+b&c=d?e@x.example"}, "key": {itoa(i)}}
		page := visit(r, "POST", "/admin/tokens", form)
		if page.Code != http.StatusOK {
			t.Errorf("%.60q: %d", text, page.Code)
			continue
		}
		found := 0
		for _, address := range addresses(t, page.Result()) {
			if !strings.HasPrefix(address, "mailto:") {
				continue
			}
			found++
			to, query, _ := strings.Cut(strings.TrimPrefix(address, "mailto:"), "?")
			fields, err := url.ParseQuery(query)
			if to, _ = url.PathUnescape(to); err != nil || to != "a+b&c=d?e@x.example" || len(fields) != 2 || !fields.Has("subject") || !fields.Has("body") || strings.ContainsAny(fields.Get("subject"), "\r\n") {
				t.Errorf("%.60q: the mail goes to %q with %v, %v", text, to, fields, err)
			}
		}
		if found != 1 {
			t.Errorf("%.60q: %d mail addresses", text, found)
		}
	}
}

// steers tells what a terminal or a log's reader would obey.
func steers(r rune) bool {
	return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func TestTheToolPrintsNothingThatSteersATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tool")
	}
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "perimeter")
	if out, err := exec.Command("go", "build", "-o", tool, "../../cmd/perimeter").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := dbtest.New(t, "sqlite")
	db := d.Open(t)
	must(t, models.Migrate(db))
	for _, text := range texts {
		office(t, db, text+" ")
	}
	// what another program wrote, without cleaning it first
	must(t, db.Exec("UPDATE access_token_uses SET name = ?, user_agent = ?, ip = ? WHERE id % 2 = 0", "\x1b[2J\nname", "\x9b31m", "\u202e\r").Error)
	must(t, db.Exec("UPDATE access_tokens SET label = ?, for_name = ?, created_by = ? WHERE id % 2 = 0", "\x1b]0;x\x07\nlabel", "\r\n", "\x1b").Error)
	must(t, db.Exec("UPDATE access_token_changes SET actor = ?, action = ?, before = ? WHERE id % 2 = 0", "\x1b[1m\n", "\x1b\n", "\x1b\n").Error)
	rows := len(texts)
	for _, c := range []struct {
		args  string
		lines int // -1: any number
	}{
		{"token list --all", rows + 1}, {"token list --all --json", rows + 2}, {"token show 2", -1}, {"token show 2 --json", 1}, {"token show 1", -1},
		{"use list", rows + 1}, {"use list --json", rows + 2}, {"use list --csv", rows + 1}, {"token show \x1b[31m", 1}, {"viewpass inspect /x?viewpass=\x1b[31m --secret-key-file /dev/null", 1}, {"\x1b[31m", 1},
	} {
		command := exec.Command(tool, append(strings.Split(c.args, " "), "--database", d.DSN)...)
		out, _ := command.CombinedOutput() // some of these fail, and say so
		if bytes.ContainsFunc(out, func(r rune) bool { return steers(r) }) {
			t.Errorf("%q prints what steers a terminal: %.300q", c.args, out)
		}
		if lines := bytes.Count(out, []byte("\n")); c.lines >= 0 && lines != c.lines {
			t.Errorf("%q prints %d lines, want %d: %.600q", c.args, lines, c.lines, out)
		}
	}
}

func TestLogsHaveOneLineEachAndNoSecrets(t *testing.T) {
	t.Parallel()
	var gateLog, access book
	db := dbtest.Open(t)
	token, _ := newToken(t, db, models.NewAccessToken{})
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{[]byte("a key for links of 32 bytes, ok!")}, Logger: slog.New(slog.NewTextHandler(&gateLog, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	must(t, err)
	link, err := links.URL("/report/", "p")
	must(t, err)
	gate := newGate(t, ginperimeter.Config{DB: db, Bypass: links.Granted, Logger: slog.New(slog.NewTextHandler(&gateLog, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	r := gin.New()
	must(t, r.SetTrustedProxies([]string{"0.0.0.0/0", "::/0"})) // the worst: every address is believed
	s := &target{name: "logs"}
	serve(t, s, gate.Protect(r, gin.LoggerWithConfig(gin.LoggerConfig{Output: &access, Formatter: ginviewpass.LogFormatter}), sessions.Sessions("site", cookieStore()), links.Middleware()))
	requests := 0
	for _, text := range texts {
		for _, uri := range []string{"/" + url.PathEscape(text), "/?q=" + url.QueryEscape(text), "/perimeter/gateway?next=" + url.QueryEscape(text), "/report/?viewpass=" + url.QueryEscape(text)} {
			s.raw(t, ask("GET", uri, "X-Forwarded-For: "+strings.Map(visible, text), "User-Agent: "+strings.Map(visible, text), "Accept: text/html"))
			requests++
		}
	}
	_, secret, _ := strings.Cut(link, "viewpass=")
	for _, uri := range []string{link, link + "x", "/perimeter/gateway?next=" + url.QueryEscape(link), "/perimeter/gateway?next=" + url.QueryEscape(url.QueryEscape(link)), "/?token=" + token, "/" + token, "/x?a=" + strings.ToLower(token), "/report/?a=b&" + strings.TrimPrefix(link, "/report/?")} {
		s.raw(t, ask("GET", uri, "X-Perimeter-Token: "+token[:10], "Referer: http://site.example"+link))
		requests++
	}
	s.raw(t, ask("GET", "/", "X-Perimeter-Token: "+token))
	requests++
	lines := strings.Split(strings.TrimSuffix(access.String(), "\n"), "\n")
	if len(lines) != requests {
		t.Errorf("%d requests made %d lines", requests, len(lines))
	}
	for _, line := range append(lines, strings.Split(gateLog.String(), "\n")...) {
		if strings.ContainsFunc(line, steers) {
			t.Errorf("a line that steers: %q", line)
		}
		for _, text := range []string{secret, secret[:30], token, strings.ToLower(token), token[:10]} {
			if strings.Contains(line, text) || strings.Contains(line, url.QueryEscape(text)) {
				t.Errorf("a secret is logged: %q", line)
			}
		}
	}
	if !strings.Contains(access.String(), "/perimeter/gateway") {
		t.Error("nothing was logged")
	}
}

// visible is a text as a header can carry it.
func visible(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}
