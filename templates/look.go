package templates

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
)

// rgb is a colour with components from 0 to 1.
type rgb [3]float64

// accents are the shades of the host's accent colour that the stylesheet uses.
type accents struct {
	light, dark rgb
}

func (p *Pages) funcs() template.FuncMap {
	return template.FuncMap{
		"style":  func() template.CSS { return p.css },
		"script": func() template.JS { return p.js },
		"look":   func() Look { return p.look },
		"linked": linked,
		"list":   list,
		"joint":  joint,
	}
}

// The grounds of style.css that contrast least with an accent on them: its
// --sunken in light and in dark. Every other one contrasts more.
var (
	lightGround = rgb{0xef / 255.0, 0xf1 / 255.0, 0xf4 / 255.0}
	darkGround  = rgb{0x24 / 255.0, 0x29 / 255.0, 0x30 / 255.0}
)

const defaultAccent = "#1f5f8b"

func parseAccent(text string) (accents, error) {
	if text == "" {
		text = defaultAccent
	}
	hex := text
	if len(hex) == 4 && hex[0] == '#' {
		hex = "#" + string([]byte{hex[1], hex[1], hex[2], hex[2], hex[3], hex[3]})
	}
	if len(hex) != 7 || hex[0] != '#' {
		return accents{}, fmt.Errorf("templates: Look.Accent %q is not a colour; write #rgb or #rrggbb", text)
	}
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return accents{}, fmt.Errorf("templates: Look.Accent %q is not a colour; write #rgb or #rrggbb", text)
	}
	c := rgb{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}
	return accents{
		light: c.until(rgb{0, 0, 0}, lightGround),
		dark:  c.until(rgb{1, 1, 1}, darkGround),
	}, nil
}

// until mixes c with target, as little as makes it contrast with ground by 4.5
// at least. It compares the rounded colours that the page will name.
func (c rgb) until(target, ground rgb) rgb {
	const steps = 50
	for i := range steps {
		if shade := c.mix(target, float64(i)/steps); contrast(shade, ground) >= 4.5 {
			return shade
		}
	}
	return target
}

func (c rgb) mix(other rgb, share float64) rgb {
	for i := range c {
		c[i] = math.Round((c[i]+(other[i]-c[i])*share)*255) / 255
	}
	return c
}

// css gives the stylesheet its custom properties.
func (a accents) css() string {
	vars := func(c rgb) string {
		return ":root{--accent:" + c.hex() + ";--on-accent:" + c.text() + "}"
	}
	return vars(a.light) + "@media (prefers-color-scheme:dark){" + vars(a.dark) + "}\n"
}

// text is black or white, whichever can be read better on c.
func (c rgb) text() string {
	if contrast(c, rgb{1, 1, 1}) >= contrast(c, rgb{0, 0, 0}) {
		return "#fff"
	}
	return "#000"
}

func (c rgb) hex() string {
	return fmt.Sprintf("#%02x%02x%02x", byte(math.Round(c[0]*255)), byte(math.Round(c[1]*255)), byte(math.Round(c[2]*255)))
}

// contrast is the contrast ratio of two colours (WCAG 2.2, definition).
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func (c rgb) luminance() float64 {
	var lin [3]float64
	for i, v := range c {
		if v <= 0.04045 {
			lin[i] = v / 12.92
		} else {
			lin[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*lin[0] + 0.7152*lin[1] + 0.0722*lin[2]
}
