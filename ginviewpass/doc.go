// Package ginviewpass makes signed links: a link opens one page with one
// permission, for a limited time, to whoever holds it.
//
//	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{key}})
//	r.Use(links.Middleware())
//	r.GET("/report/", links.Require("reporting.view_report"), report)
//
//	link, err := links.URL("/report/", "reporting.view_report")
//	// /report/?viewpass=STRING1:STRING2
//
// # What a link is
//
// STRING1 says, readable for anybody, what is granted; STRING2 is a signature
// over that and over the query. Nothing is stored on the server. Both strings
// are base64url without padding.
//
//	STRING1  1 byte      version in the upper six bits (21, so that the text
//	                     begins with "V"), flags in the lower two:
//	                     1 = never expires, 2 = reserved, always 0
//	         1 byte      id of the key that signed
//	         5 bytes     time of issue, seconds since 1970, big-endian
//	         4 bytes     seconds to live, big-endian; 0 with flag 1
//	         1 byte      length of the permission
//	         …           the permission
//	         …           the canonical path
//	STRING2  16 bytes    the beginning of HMAC-SHA256 over a domain separator,
//	                     the bytes of STRING1 and the canonical query, each
//	                     preceded by its length as a uvarint
//
// The keys of the signature are derived with HKDF-SHA256 from Config.Keys, so
// the same secret may serve elsewhere. STRING1 never begins with a hex digit
// and STRING2 always ends in a letter: mail programs that read "=2a" as
// quoted-printable, or leave a final "-" out of a link, do no harm.
//
// # What a link covers
//
// A link covers the one path and query that it was signed for, by GET and
// HEAD. Percent-encoding, the order of parameters and the ignorable ones (see
// [DefaultIgnoredParams]) may change on the way; everything else refuses. The
// grant belongs to the request. It is not kept in a session, and it ends when
// the request is rewritten to another page.
//
// A link is a secret while it lives. Pages that it opens are sent with
// no-store and no-referrer, and [Redact] takes links out of what is logged.
package ginviewpass
