package ginperimeter

// The three functions that read what strangers send on every request, for the
// fuzz targets.
var (
	SessionCookie = sessionCookie
	HeaderToken   = headerToken
	IsCleanPath   = isCleanPath
)
