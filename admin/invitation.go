package admin

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"rsc.io/qr"

	"github.com/gin-perimeter/gin-perimeter/models"
)

type madeView struct {
	view
	Token  tokenRow
	Text   string // the token itself
	Link   string // leads to the gateway, with the token filled in
	QR     qrCode
	Mail   string // a mailto: address with a ready text
	Holds  string // until when, in words
	Custom bool
}

func (a *admin) madeView(c *gin.Context, token string, row models.AccessToken) madeView {
	v := madeView{view: a.view(c, "Tokens"), Token: a.tokenRow(row), Text: token, Custom: row.Hint == ""}
	v.Link = a.siteURL(c) + a.GatewayPath + "#token=" + url.QueryEscape(token)
	v.Link = strings.ReplaceAll(v.Link, "+", "%20")
	v.QR = drawQR(v.Link)
	v.Holds = "does not expire"
	if row.ExpiresAt != nil {
		v.Holds = "holds until " + a.expiryExact(*row.ExpiresAt)
		v.Holds = strings.Replace(v.Holds, "until through", "through", 1)
	}
	v.Mail = v.mailto()
	return v
}

// siteURL is the site as the admin's browser reaches it, without a slash at
// the end. The Origin header, which browsers send with every form and which
// was checked, knows the scheme also behind a proxy.
func (a *admin) siteURL(c *gin.Context) string {
	if a.BaseURL != "" {
		return a.BaseURL
	}
	origin, err := url.Parse(c.GetHeader("Origin"))
	if err == nil && (origin.Scheme == "http" || origin.Scheme == "https") && origin.Host != "" {
		return origin.Scheme + "://" + origin.Host
	}
	if c.Request.TLS != nil {
		return "https://" + c.Request.Host
	}
	return "http://" + c.Request.Host
}

// mailto makes the address of a mail that only needs to be sent (RFC 6068).
func (v madeView) mailto() string {
	greeting := "Hello,"
	if v.Token.ForName != "" {
		greeting = "Hello " + v.Token.ForName + ","
	}
	body := fmt.Sprintf("%s\r\n\r\nhere is your access to %s:\r\n\r\n%s\r\n\r\n"+
		"If the link does not fill it in, enter this access token there:\r\n\r\n%s\r\n\r\nIt %s.\r\n",
		greeting, v.Site, v.Link, v.Text, v.Holds)
	return "mailto:" + mailEscape(v.Token.ForEmail) + "?subject=" + mailEscape("Your access to "+v.Site) + "&body=" + mailEscape(body)
}

func mailEscape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// qrCode is a QR code as the path of an SVG.
type qrCode struct {
	Size int // modules on a side, with the quiet zone
	Path string
}

// quietZone is the white border that readers need, in modules
// (ISO/IEC 18004, 6.3.8).
const quietZone = 4

// drawQR is empty for a text that is too long for a QR code.
func drawQR(text string) qrCode {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, run, run)
				x += run
			}
		}
	}
	return qrCode{Size: code.Size + 2*quietZone, Path: path.String()}
}
