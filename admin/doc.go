// Package admin adds pages to a Gin site on which people without a developer
// manage who may come in: tokens, their uses, signed links.
//
//	err := admin.Mount(r.Group("/perimeter/admin"), admin.Config{
//		DB:   db,
//		Auth: gin.BasicAuth(gin.Accounts{"anna": password}),
//	})
//
// The pages are HTML and forms. They need no JavaScript, load nothing from
// elsewhere, and are sent with no-store, noindex and a strict
// Content-Security-Policy that lets no other page frame them.
//
// # Who may see them
//
// Config.Auth runs first and refuses whom it does not know. Then Config.Actor
// must name who is signed in: a request without a name is refused with 403
// even where Auth let it through. Forms from other origins are refused. Every
// change is a POST, and is recorded with the name, the time, and the facts
// before and after. Everybody whom Auth lets in may do everything here.
//
// # Inside the gate, or outside of it
//
// With the gate on the whole site, the admin is behind it too: an admin enters
// with a token first and signs in then, so that a stranger cannot even try
// passwords. The first token comes from the command line:
//
//	perimeter token create --label "First admin"
//
// To let admins in without a token, pass the admin's path by the gate. Auth is
// then all that protects it, also against guessing: give it long passwords, or
// a single sign-on.
//
//	gate, err := ginperimeter.New(ginperimeter.Config{
//		DB:          db,
//		BypassPaths: []string{"/perimeter/admin/"},
//	})
//
// # Tokens
//
// A token is shown once, in the answer to the form that made it. It is in no
// address, no log and no other page. Sending that form again, by a reload or by
// two clicks, makes no second token, whichever process is asked. Invitation links
// carry the token in the fragment, which browsers send to no server.
//
// # Cost
//
// Lists are cut by index, not by counting; the last page costs what the first
// one does. A token's page sums up its latest 5000 uses, and the overview
// counts the last 30 days; where that is much, days that are over are counted
// every ten minutes. The CSV export is streamed: it takes the memory of a
// thousand rows, whatever its length. When the database fails in the midst of
// it, the connection is cut, so that a part is never taken for the whole.
package admin
