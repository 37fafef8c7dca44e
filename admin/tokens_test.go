package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// form makes a form of names and values in turn.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func TestCreateToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.post("/tokens", form("label", "Acme preview", "expires", "30d", "max_uses", "5",
		"for_name", "Zoë Meier", "for_email", "zoe@acme.example", "key", "k1")).is(http.StatusOK)
	p.says("The token is ready", "It is shown only now", "Acme preview")
	text := innerText(p.find("code", "class", "token")[0])
	row, err := models.FindAccessToken(context.Background(), s.db, text)
	if err != nil {
		t.Fatalf("the token that is shown is not one: %v", err)
	}
	if row.Label != "Acme preview" || row.MaxUses != 5 || row.ForEmail != "zoe@acme.example" || row.CreatedBy != "anna" {
		t.Errorf("row is %+v", row)
	}
	if left := time.Until(*row.ExpiresAt); left < 29*24*time.Hour || left > 31*24*time.Hour {
		t.Errorf("expires in %v, want 30 days", left)
	}
	link := innerText(p.find("code", "class", "token small")[0])
	if want := "http://example.com/perimeter/gateway#token=" + text; link != want {
		t.Errorf("invitation is %q, want %q", link, want)
	}
	checkMail(t, p, link, text)
	if paths := p.find("path", "", ""); len(paths) != 1 || !strings.HasPrefix(attr(paths[0], "d"), "M4 4h7v1h-7z") {
		t.Error("no QR code, or not one that begins with its finder pattern")
	}
	for _, path := range []string{"/", "/tokens", "/tokens/1", "/tokens/1/edit", "/uses"} {
		if strings.Contains(s.get(path).Body, text) {
			t.Errorf("%s shows the token", path)
		}
	}
	if strings.Contains(s.log.String(), text) {
		t.Error("the log has the token")
	}
}

func checkMail(t *testing.T, p *page, link, text string) {
	t.Helper()
	for n := range p.doc.Descendants() {
		if !strings.HasPrefix(attr(n, "href"), "mailto:") {
			continue
		}
		mail, err := url.Parse(attr(n, "href"))
		if err != nil {
			t.Fatal(err)
		}
		to, _ := url.PathUnescape(mail.Opaque)
		body := mail.Query().Get("body")
		if to != "zoe@acme.example" || !strings.Contains(body, link) || !strings.Contains(body, text) || !strings.Contains(body, "Hello Zoë Meier,\r\n") {
			t.Errorf("mail to %q: %q", to, body)
		}
		return
	}
	t.Error("no ready mail")
}

func TestInvitationUsesTheBrowsersOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	request := httptest.NewRequest(http.MethodPost, root+"/tokens", strings.NewReader("label=x&expires=7d"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", "https://example.com") // TLS ends at a proxy
	s.do(request, "anna").is(http.StatusOK).says("https://example.com/perimeter/gateway#token=")
}

func TestCustomToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.post("/tokens", form("label", "x", "expires", "never", "token", " open sesame & more+ ")).is(http.StatusOK)
	p.says("open sesame & more+", "It does not expire", "#token=open%20sesame%20%26%20more%2B")
	s.get("/tokens/1").says("a text of your own")

	p = s.post("/tokens", form("label", "y", "expires", "7d", "token", "open sesame & more+")).is(http.StatusUnprocessableEntity)
	p.says("This token exists already. Extend that one")
	if got := p.value("token"); got != "open sesame & more+" {
		t.Errorf("the field holds %q", got)
	}
	if len(p.find("a", "href", root+"/tokens/1")) == 0 {
		t.Error("no link to the token that exists")
	}
}

// A form sent again makes no second token, whether one after the other or at
// the same time; after a mistake it may be sent again.
func TestSameFormMakesOneToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	key := s.get("/tokens/new").value("key")
	f := form("key", key, "label", "Once", "expires", "nonsense")
	s.post("/tokens", f).is(http.StatusUnprocessableEntity)
	f.Set("expires", "7d")
	var wg sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wg.Go(func() { codes[i] = s.post("/tokens", f).Code })
	}
	wg.Wait()
	made := 0
	for _, code := range codes {
		switch code {
		case http.StatusOK:
			made++
		case http.StatusConflict:
		default:
			t.Errorf("answer is %d", code)
		}
	}
	if made != 1 || s.countTokens() != 1 {
		t.Fatalf("%d answers show a token, and %d exist; want one", made, s.countTokens())
	}
	s.post("/tokens", f).is(http.StatusConflict).says("This token was made already", "shown only once", "Once")
	if key == s.get("/tokens/new").value("key") {
		t.Error("the next form has the same key")
	}
	s.postAs("ben", "/tokens", f).is(http.StatusOK) // another admin's form is another form
	s.post("/tokens/1/delete", nil).leadsTo("/tokens?done=deleted")
	s.post("/tokens", f).is(http.StatusNotFound)
}

func TestTokenFormMistakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "before"})
	for name, test := range map[string]struct {
		field, value string
		with         url.Values
		want         string
	}{
		"no expiry":              {"expires", "", nil, "Choose how long"},
		"an expiry of one's own": {"expires", "500y", nil, "Choose how long"},
		"no date":                {"date", "", form("expires", "date"), "Choose a date"},
		"a date in the past":     {"date", "2020-01-31", form("expires", "date"), "This date has passed"},
		"no such date":           {"date", "2026-02-31", form("expires", "date"), "This is not a date"},
		"a date with a tag":      {"date", `"><script>`, form("expires", "date"), "This is not a date"},
		"a date far off":         {"date", "9999-12-31", form("expires", "date"), "too far away"},
		"no entries":             {"max_uses", "0", nil, "whole number"},
		"half an entry":          {"max_uses", "1.5", nil, "whole number"},
		"very many entries":      {"max_uses", "99999999999", nil, "must be 1 or more"},
		"name without address":   {"for_name", "Zoë", nil, "email address too"},
		"address without name":   {"for_email", "a@example.com", nil, "name too"},
		"no address at all":      {"for_email", "at example", form("for_name", "Zoë"), "doesn’t look like an email address"},
		"a long label":           {"label", strings.Repeat("ä", 201), nil, "The label has more than 200 characters."},
	} {
		for _, path := range []string{"/tokens", "/tokens/1/edit"} {
			t.Run(name+" "+path, func(t *testing.T) {
				f := form("label", "What was typed", "expires", "7d", "version", "1", "key", name)
				for key, values := range test.with {
					f[key] = values
				}
				f.Set(test.field, test.value)
				p := s.post(path, f).is(http.StatusUnprocessableEntity).says(test.want)
				for _, field := range []string{"label", "date", "max_uses", "for_name", "for_email", "version"} {
					if field == "version" && path == "/tokens" {
						continue
					}
					if got := p.value(field); got != f.Get(field) {
						t.Errorf("%s holds %q, want %q as typed", field, got, f.Get(field))
					}
				}
			})
		}
	}
	if s.countTokens() != 1 || s.reload(row).Version != 1 {
		t.Error("a form with mistakes changed something")
	}
	for text, want := range map[string]string{"short": "at least 12", "123456789012345": "digits alone", models.GenerateToken(): "reserved shape"} {
		p := s.post("/tokens", form("label", "x", "expires", "7d", "token", text)).is(http.StatusUnprocessableEntity).says(want)
		if p.value("token") != text {
			t.Errorf("the field holds %q, want %q", p.value("token"), text)
		}
	}
}

func TestEditToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "Old", MaxUses: 3, ForName: "Zoë", ForEmail: "z@example.com"})
	p := s.get("/tokens/1/edit").is(http.StatusOK)
	for field, want := range map[string]string{"label": "Old", "max_uses": "3", "for_name": "Zoë", "for_email": "z@example.com", "expires": "keep", "version": "1"} {
		if got := p.value(field); got != want {
			t.Errorf("%s holds %q, want %q", field, got, want)
		}
	}
	s.post("/tokens/1/edit", form("version", "1", "label", "New", "expires", "keep", "max_uses", "")).leadsTo("/tokens/1?done=saved")
	got := s.reload(row)
	if got.Label != "New" || got.MaxUses != 0 || got.ForName != "" || !got.ExpiresAt.Equal(*row.ExpiresAt) {
		t.Errorf("row is %+v", got)
	}
	p = s.get("/tokens/1?done=saved").says("Saved.", "What was changed", "Edited", "Label: Old New", "Max uses: 3 any number")
	p.says("Issued to: Zoë <z@example.com> removed")
	s.post("/tokens/1/edit", form("version", "2", "label", "New", "expires", "date", "date", "2099-05-09")).leadsTo("/tokens/1?done=saved")
	s.get("/tokens/1").says("(through 9 May 2099)")
	s.get("/tokens/1/edit").says("As now through 9 May 2099")
	s.post("/tokens/1/edit", form("version", "3", "label", "New", "expires", "never")).leadsTo("/tokens/1?done=saved")
	if got := s.reload(row); got.ExpiresAt != nil {
		t.Errorf("expires at %v, want never", got.ExpiresAt)
	}
	s.get("/tokens/1/edit").says("As now never")
}

// The second of two admins is told, sees what the first changed, and keeps
// what was typed; saving again is then a decision.
func TestTwoAdminsEditOneToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "Old"})
	s.postAs("ben", "/tokens/1/edit", form("version", "1", "label", "Ben’s", "expires", "keep")).leadsTo("/tokens/1?done=saved")
	s.postAs("ben", "/tokens/1/deactivate", nil).leadsTo("/tokens/1?done=deactivated")
	p := s.post("/tokens/1/edit", form("version", "1", "label", "Anna’s", "expires", "7d", "max_uses", "9")).is(http.StatusConflict)
	p.says("Somebody else changed this token", "Edited by ben", "Label: Old Ben’s", "Deactivated by ben", "Status: active deactivated")
	p.saysNot("Created by")
	if p.value("label") != "Anna’s" || p.value("max_uses") != "9" || p.value("expires") != "7d" || p.value("version") != "3" {
		t.Errorf("the form holds %q, %q, %q, version %q", p.value("label"), p.value("max_uses"), p.value("expires"), p.value("version"))
	}
	if got := s.reload(row); got.Label != "Ben’s" {
		t.Errorf("label is %q: the second overwrote the first", got.Label)
	}
	s.post("/tokens/1/edit", form("version", p.value("version"), "label", "Anna’s", "expires", "keep")).leadsTo("/tokens/1?done=saved")
	s.post("/tokens/1/edit", form("label", "no version", "expires", "keep")).is(http.StatusConflict)
}

func TestChangeTokenByButton(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "x"})
	s.post("/tokens/1/extend", form("by", "30d")).leadsTo("/tokens/1?done=extended")
	if got := s.reload(row).ExpiresAt.Sub(*row.ExpiresAt); got != 30*24*time.Hour {
		t.Errorf("extended by %v, want 30 days", got)
	}
	s.post("/tokens/1/extend", form("by", "1000000d")).is(http.StatusBadRequest)
	s.post("/tokens/1/deactivate", nil).leadsTo("/tokens/1?done=deactivated")
	s.get("/tokens/1?done=deactivated").says("Deactivated. Who was inside is out.", "Activate")
	s.post("/tokens/1/deactivate", nil).leadsTo("/tokens/1?done=deactivated")
	s.post("/tokens/1/activate", nil).leadsTo("/tokens/1?done=activated")
	if s.reload(row).DeactivatedAt != nil {
		t.Error("still deactivated")
	}
	s.token(models.NewAccessToken{ExpiresAt: models.Never})
	s.post("/tokens/2/extend", form("by", "7d")).leadsTo("/tokens/2?done=never-expires")
	s.get("/tokens/2").says("Token 2", "Expires Never").saysNot("Extend by")
}

func TestDeleteToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, row := s.token(models.NewAccessToken{Label: "Acme"})
	s.get("/tokens/1/delete").says("Delete Acme?", "Nobody is inside", "0 entries")
	for i := range 3 {
		s.entry(row, models.NewAccessTokenUse{Name: "N", Email: fmt.Sprintf("%d@example.com", i%2), IP: "192.0.2.1"})
	}
	s.get("/tokens/1/delete").says("Up to 2 people may be inside", "3 entries")
	s.post("/tokens/1/delete", nil).leadsTo("/tokens?done=deleted")
	if s.countTokens() != 0 {
		t.Error("it is still there")
	}
	s.get("/tokens/1").is(http.StatusNotFound).says("This token was deleted", "Acme was deleted on", "by anna")
	s.get("/uses").says("Acme (deleted)")
	s.post("/tokens/1/delete", nil).is(http.StatusNotFound)
}

func TestBulk(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var rows []models.AccessToken
	for i := range 3 {
		_, row := s.token(models.NewAccessToken{Label: fmt.Sprintf("T%d", i+1)})
		rows = append(rows, row)
	}
	here := "status=live&before=9&evil=//evil.example"
	s.post("/tokens/bulk", form("do", "extend-7d", "here", here)).leadsTo("/tokens?before=9&done=none-ticked&status=live")
	f := form("do", "extend-7d", "id", "1", "id", "2", "id", "2", "id", "77", "id", "x", "here", here)
	s.post("/tokens/bulk", f).leadsTo("/tokens?before=9&done=extended&n=2&status=live")
	s.get("/tokens?done=extended&n=2").says("2 tokens extended.")
	if got := s.reload(rows[0]).ExpiresAt.Sub(*rows[0].ExpiresAt); got != 7*24*time.Hour {
		t.Errorf("extended by %v, want 7 days", got)
	}
	f.Set("do", "deactivate")
	p := s.post("/tokens/bulk", f).is(http.StatusOK).says("Deactivate 2 tokens?", "T1", "T2").saysNot("T3")
	if s.reload(rows[0]).DeactivatedAt != nil {
		t.Fatal("deactivated without being asked")
	}
	if len(p.find("a", "href", root+"/tokens?before=9&status=live")) != 1 {
		t.Error("no way back to the same page of the list")
	}
	f.Set("do", "deactivate-now")
	s.post("/tokens/bulk", f).leadsTo("/tokens?before=9&done=deactivated&n=2&status=live")
	if s.reload(rows[1]).DeactivatedAt == nil || s.reload(rows[2]).DeactivatedAt != nil {
		t.Error("not those that were ticked")
	}
	s.post("/tokens/bulk", f).leadsTo("/tokens?before=9&done=none-changed&status=live")
	f.Set("do", "deactivate")
	s.post("/tokens/bulk", f).leadsTo("/tokens?before=9&done=none-changed&status=live")
	f.Set("do", "delete")
	s.post("/tokens/bulk", f).is(http.StatusBadRequest)
}

func TestListTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.get("/tokens").says("No tokens yet. Create the first.")
	s.token(models.NewAccessToken{Label: "Live one"})
	_, old := s.token(models.NewAccessToken{Label: "Old one"})
	_, off := s.token(models.NewAccessToken{Label: "Off one"})
	_, full := s.token(models.NewAccessToken{Label: "Full one", MaxUses: 1})
	s.entry(full, models.NewAccessTokenUse{Name: "A", Email: "a@example.com"})
	s.token(models.NewAccessToken{Label: "Zoë’s", ForName: "Zoë", ForEmail: "zoe@example.com", ExpiresAt: time.Now().Add(time.Hour)})
	if err := s.db.Model(&old).UpdateColumn("expires_at", time.Now().Add(-50*time.Hour).UTC().Truncate(time.Second)).Error; err != nil {
		t.Fatal(err)
	}
	if err := models.DeactivateAccessToken(context.Background(), s.db, off.ID); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		"":                         {"Zoë’s", "Full one", "Off one", "Old one", "Live one"},
		"?status=live":             {"Live one", "Zoë’s"},
		"?status=expired":          {"Old one"},
		"?status=deactivated":      {"Off one"},
		"?status=used-up":          {"Full one"},
		"?status=nonsense":         {"Zoë’s", "Full one", "Off one", "Old one", "Live one"},
		"?q=LIVE":                  {"Live one"},
		"?q=zoe%40exa":             {"Zoë’s"},
		"?q=" + full.Hint:          {"Full one"},
		"?q=nothing+has+this":      nil,
		"?sort=expiry&status=live": {"Zoë’s", "Live one"},
		"?sort=expiry&q=old":       nil,
		"?before=x&after=-1":       {"Zoë’s", "Full one", "Off one", "Old one", "Live one"},
		"?past=x.y&sort=expiry":    {"Zoë’s", "Live one", "Full one", "Off one"},
	} {
		p := s.get("/tokens" + query).is(http.StatusOK)
		got := p.labels()
		if strings.HasPrefix(query, "?past") { // those that expire at the same second may come in any order
			if len(got) != len(want) || got[0] != want[0] {
				t.Errorf("%q: %q, want %q", query, got, want)
			}
		} else if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	s.get("/tokens?q=nothing").says("No token matches.", "Show all tokens")
	s.get("/tokens").says("1 of 1", "for Zoë", "Used up", "Expired", "Deactivated", "in 1 hour").saysNot("Next")
	if p := s.get("/tokens?tick=all&status=live"); len(p.find("input", "name", "id")) != 2 || !has(p.find("input", "name", "id")[1], "checked") {
		t.Error("not every box is ticked")
	}
}

// labels are the tokens that a list shows, in its order.
func (p *page) labels() []string {
	var labels []string
	for n := range p.doc.Descendants() {
		if n.Data == "a" && strings.Contains(attr(n, "class"), "cut") && n.Parent.Data == "div" {
			labels = append(labels, innerText(n))
		}
	}
	return labels
}

func TestPagesOfTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for i := range 120 {
		s.token(models.NewAccessToken{Label: fmt.Sprintf("T%03d", i), ExpiresAt: time.Now().Add(time.Duration(i+1) * time.Hour)})
	}
	first := s.get("/tokens").is(http.StatusOK)
	second := s.follow(first, "Next")
	third := s.follow(second, "Next")
	for i, p := range []*page{first, second, third} {
		want := []string{"T119", "T069", "T019"}[i]
		if got := p.labels(); got[0] != want {
			t.Errorf("page %d begins with %q, want %q", i+1, got[0], want)
		}
	}
	if got := s.follow(third, "Previous").labels(); got[0] != "T069" {
		t.Errorf("the page before the third begins with %q", got[0])
	}
	if got := s.follow(first, "Last").labels(); got[len(got)-1] != "T000" {
		t.Errorf("the last page ends with %q", got[len(got)-1])
	}
	if got := s.follow(third, "First").labels(); got[0] != "T119" {
		t.Errorf("First leads to %q", got[0])
	}
	soonest := s.get("/tokens?sort=expiry&status=live")
	if got := s.follow(s.follow(soonest, "Next"), "Next").labels(); got[0] != "T100" || len(got) != 20 {
		t.Errorf("by expiry, the third page has %d, from %q", len(got), got[0])
	}
}

// follow opens the link with this text.
func (s *site) follow(p *page, text string) *page {
	s.t.Helper()
	for _, n := range p.find("a", "", "") {
		if innerText(n) == text {
			return s.do(httptest.NewRequest(http.MethodGet, attr(n, "href"), nil), "anna").is(http.StatusOK)
		}
	}
	s.t.Fatalf("no link %q in:\n%s", text, p.text())
	return nil
}

// A token that is pasted into the search is never put into an address.
func TestSearchForAToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	text, _ := s.token(models.NewAccessToken{Label: "x"})
	s.token(models.NewAccessToken{Label: "y", Token: "open sesame and more"})
	slip := "22" + text[2:]
	if strings.HasPrefix(text, "22") {
		slip = "33" + text[2:]
	}
	for search, want := range map[string]string{
		strings.ToLower(text):  "/tokens/1",
		"open sesame and more": "/tokens/2",
		models.GenerateToken(): "/tokens?done=no-such-token",
		slip:                   "/tokens?done=mistyped-token",

		"Hello, your token is " + text + ". Enjoy!":           "/tokens/1",
		"Token: " + strings.ReplaceAll(text, "-", " ") + " .": "/tokens/1",
		"Say “open sesame and more”, he said.":                "/tokens/2",
		"It was " + models.GenerateToken() + ", I think.":     "/tokens?done=no-such-token",
		"perhaps " + slip: "/tokens?done=mistyped-token",
		"https://example.com/perimeter/gateway#token=" + text:                         "/tokens/1",
		"Open https://example.com/perimeter/gateway#token=open%20sesame%20and%20more": "/tokens/2",
		"Token:" + text:          "/tokens/1",
		"`" + text + "`":         "/tokens/1",
		"*open sesame and more*": "/tokens/2",
		strings.Repeat("many words before it ", 10) + text: "/tokens/1",
		"  Acme   preview ": "/tokens?q=Acme+preview",
		"":                  "/tokens",
	} {
		s.post("/tokens/search", form("q", search)).leadsTo(want)
	}
	s.post("/tokens/search", form("q", "a", "status", "live", "sort", "expiry")).leadsTo("/tokens?q=a&sort=expiry&status=live")
	s.get("/tokens?done=no-such-token").says("We know no such token.")
}

func TestIDsThatAreNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.token(models.NewAccessToken{Label: "x"})
	for _, id := range []string{"2", "0", "-1", "01", "+1", "1e0", "x", "1%00", "99999999999999999999", "1.0", "%31%20", "9223372036854775808"} {
		for _, path := range []string{"/tokens/" + id, "/tokens/" + id + "/edit", "/tokens/" + id + "/delete"} {
			s.get(path).is(http.StatusNotFound).says("There is nothing here")
		}
		for _, path := range []string{"/edit", "/extend", "/deactivate", "/activate", "/delete"} {
			s.post("/tokens/"+id+path, form("by", "7d", "expires", "7d")).is(http.StatusNotFound)
		}
		s.post("/uses/"+id+"/end", nil).is(http.StatusNotFound)
	}
}

// Confirmations come from a fixed set: an address cannot put words there.
func TestFlashSaysNothingOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for query, want := range map[string]string{
		"?done=saved":                    "Saved.",
		"?done=saved&n=5":                "Saved.",
		"?done=forgotten&n=12345":        "Forgotten in 12,345 entries.",
		"?done=forgotten&n=1":            "Forgotten in 1 entry.",
		"?done=deactivated&n=-5":         "Deactivated. Who was inside is out.",
		"?done=deactivated&n=<b>":        "Deactivated. Who was inside is out.",
		"?done=Call+the+number+555":      "",
		"?done=":                         "",
		"?done=forgotten&n=999999999999": "Forgotten in 999,999,999,999 entries.",
	} {
		p := s.get("/tokens" + strings.ReplaceAll(query, "<", "%3C"))
		got := ""
		if flash := p.find("p", "class", "flash"); len(flash) > 0 {
			got = innerText(flash[0])
		}
		if got != want {
			t.Errorf("%s says %q, want %q", query, got, want)
		}
	}
}

func TestFormThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.post("/tokens", form("label", strings.Repeat("x", 300<<10))).is(http.StatusRequestEntityTooLarge).says("too much at once")
	request := httptest.NewRequest(http.MethodPost, root+"/tokens", strings.NewReader("label=%zz"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.do(request, "anna").is(http.StatusBadRequest).says("cannot be read")
	if s.countTokens() != 0 {
		t.Error("a token was made")
	}
}

// Values from the query are no part of a form.
func TestFormIgnoresTheQuery(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.post("/tokens?expires=7d&label=x", nil).is(http.StatusUnprocessableEntity)
}
