package ginperimeter

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// warnOfForgedAddresses logs once when Gin believes an address that any client
// can make up: the audit rows and the attempt limits would hang on it.
func (g *Gate) warnOfForgedAddresses(c *gin.Context) {
	g.checkProxies.Do(func() {
		const forged = "203.0.113.7" // TEST-NET-3, RFC 5737
		probe := c.Copy()
		probe.Request = &http.Request{
			RemoteAddr: "198.51.100.7:1", // TEST-NET-2: nobody's proxy
			Header:     http.Header{"X-Forwarded-For": {forged}, "X-Real-Ip": {forged}},
		}
		if probe.ClientIP() == forged {
			g.cfg.Logger.Warn("perimeter: client addresses can be forged, since every X-Forwarded-For is believed; "+
				"add r.SetTrustedProxies(nil), or name your proxies",
				"event", "perimeter.forgeable_addresses")
		}
	})
}
