package templates

// Gateway is the data of "gateway.html". Every text in it may come from a
// stranger: the page escapes it. The two addresses are the caller's to check.
type Gateway struct {
	Site       string // the site's name, or the host's
	Action     string // where the form goes: the gateway's path with next
	Token      string // what was typed, to be shown again after a mistake
	Name       string
	Email      string
	TokenOnly  bool   // name and email are not asked for
	TokenError string // what is wrong with a field, and what to do
	NameError  string
	EmailError string
	Problem    string   // a sentence about the whole form: too many attempts, no cookies, database away
	Notice     string   // a sentence above the form that is no mistake: an expired link brought the visitor here
	Inside     string   // the address to go on to, when the visitor holds a live pass already
	Leave      string   // where a button that ends that pass posts to; "" for no button
	Probe      bool     // ask for the probe cookie to come back
	Nonce      string   // makes this page's form one entry, however often it is sent; "" for none
	Recorded   []string // what an entry stores, in plain words: "your name", "your email address", …
}

// Invalid tells whether anything on the form needs the visitor's attention.
func (g Gateway) Invalid() bool {
	return g.Problem != "" || len(g.Wrong()) > 0
}

// Field is a field of the gateway's form, by its id in the page and in the
// words of a sentence.
type Field struct {
	ID    string
	Label string
}

// Wrong lists the fields that have a mistake, in the order of the form.
func (g Gateway) Wrong() []Field {
	var wrong []Field
	if g.TokenError != "" {
		wrong = append(wrong, Field{"token", "your access token"})
	}
	if g.NameError != "" && !g.TokenOnly {
		wrong = append(wrong, Field{"name", "your name"})
	}
	if g.EmailError != "" && !g.TokenOnly {
		wrong = append(wrong, Field{"email", "your email address"})
	}
	return wrong
}

// Focus names what has the focus when the page opens: "token", "name",
// "email", "problem" (the summary), or "" when something else is to be read
// first.
func (g Gateway) Focus() string {
	if g.Problem != "" {
		return "problem"
	}
	if wrong := g.Wrong(); len(wrong) > 0 {
		return wrong[0].ID
	}
	if g.Notice != "" || g.Inside != "" {
		return ""
	}
	return "token"
}

// Notice is the data of "notice.html": one card that says what happened and
// what to do next.
type Notice struct {
	Site    string
	Heading string // "This link has expired"
	Text    string // what happened, in plain words
	Next    string // what to do next
	Link    string // where the button leads; "" for no button
	Label   string // what the button says
}

// Frame is what "admin/_layout.html" puts around every admin page. The data
// of an admin page embeds it.
type Frame struct {
	Site  string // the site's name, or the host's
	Nav   []NavItem
	Actor string // who is signed in
	Flash string // one line about the change that was just made
}

// NavItem is a page in the admin's top bar.
type NavItem struct {
	Label   string
	Href    string
	Current bool // the page being shown, or the one it belongs to
}
