// Package ginperimeter puts a fence around a Gin site: nobody gets in without
// an access token, which is entered once on a gateway page together with a
// name and an email address, and kept for the session.
//
//	r := gin.New()
//	r.Use(sessions.Sessions("site", store))
//	r.Use(ginperimeter.Middleware(db))
//
// Tokens can be shared: they say that somebody may come in, not who it is.
// They expire, can be deactivated, and are managed by package admin, by the
// perimeter command, or by the functions of package models.
//
// A gate in front of Use guards what Gin passes to middleware: routes
// registered after it, and addresses without a route. [Gate.Protect] guards
// everything, also Gin's own redirects and routes registered earlier.
//
// # How a request goes
//
// Whoever holds a valid pass goes on. The pass is one random reference in the
// host's session; the entry that it refers to, and the token of that entry,
// are in the database. A gate remembers both, so that an authorised request
// costs no query and no session read. It reads again, every two seconds and
// only while there are visitors, the tokens in use and the passes that were
// ended, so that a change made anywhere holds everywhere within five seconds.
//
// Everybody else is refused in the way that suits the client: a browser going
// to a page is sent to the gateway, a browser that sends a form gets a page
// that leads there, anything else gets 401 and JSON.
//
// # What is trusted
//
// The host's session store and its keys; the database; what Gin's
// Context.ClientIP says, so set trusted proxies. Nothing else that a request
// carries.
package ginperimeter
