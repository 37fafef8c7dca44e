package ginperimeter

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// warnOfAddresses logs once when client addresses are not what the audit rows
// and the attempt limits need. It looks at the first request for the gateway
// page; Protect looks earlier.
func (g *Gate) warnOfAddresses(c *gin.Context) {
	g.checkProxies.Do(func() {
		switch {
		case forgeable(c):
			g.warnOfForgedAddresses()
		case clientIP(c) == "":
			g.cfg.Logger.Warn("perimeter: requests come through a Unix socket and tell no client addresses: all visitors share one attempt limit; "+
				"let the proxy set X-Forwarded-For",
				"event", "perimeter.unknown_addresses")
		}
	})
}

// warnAtStart is warnOfAddresses before there is a request. An engine that has
// a TrustedPlatform was set up with care.
func (g *Gate) warnAtStart(r *gin.Engine) {
	if !g.cfg.InsecureDisabled && r.TrustedPlatform == "" && forgeable(gin.CreateTestContextOnly(nil, r)) {
		g.checkProxies.Do(g.warnOfForgedAddresses)
	}
}

func (g *Gate) warnOfForgedAddresses() {
	g.cfg.Logger.Warn("perimeter: client addresses can be forged, since every X-Forwarded-For is believed; "+
		"add r.SetTrustedProxies(nil), or name your proxies",
		"event", "perimeter.forgeable_addresses")
}

// forgeable tells whether Gin believes an address that any client can make up.
func forgeable(c *gin.Context) bool {
	const forged = "203.0.113.7" // TEST-NET-3, RFC 5737
	probe := c.Copy()
	probe.Request = &http.Request{
		RemoteAddr: "198.51.100.7:1", // TEST-NET-2: nobody's proxy
		Header:     http.Header{"X-Forwarded-For": {forged}, "X-Real-Ip": {forged}},
	}
	return probe.ClientIP() == forged
}

// clientIP is the visitor's address. Behind a Unix socket whose proxy tells
// none, Gin writes "<nil>".
func clientIP(c *gin.Context) string {
	if ip := c.ClientIP(); ip != "<nil>" {
		return ip
	}
	return ""
}
