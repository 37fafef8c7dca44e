package e2e

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// look judges the page that is open: in light and dark, on a phone and on a
// desk, and zoomed in. It leaves a picture of each in screenshots/.
func (v *visitor) look(name string) {
	v.t.Helper()
	v.isQuiet()
	for _, s := range []screen{phone, desktop} {
		v.use(s)
		for _, theme := range []string{"light", "dark"} {
			v.theme(theme)
			where := name + "-" + s.name + "-" + theme
			v.save(filepath.Join("screenshots", where+".png"), v.picture())
			for _, violation := range v.violations() {
				v.t.Errorf("%s: %s", where, violation)
			}
		}
		v.fits(name, s)
		if s.touch {
			v.canBeTouched(name)
		}
	}
	v.theme("light")
	for _, s := range []screen{tablet, notebook, zoomed} {
		v.use(s)
		v.fits(name, s)
	}
	v.use(desktop)
	v.t.Logf("%-32s %6s bytes", name, v.eval(`String(new TextEncoder().encode(document.documentElement.outerHTML).length)`))
	v.isQuiet()
}

// theme is "light" or "dark". Nothing moves, so that no check comes upon a
// colour on its way.
func (v *visitor) theme(name string) {
	v.t.Helper()
	v.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}

// picture is the whole page.
func (v *visitor) picture() []byte {
	v.t.Helper()
	var png []byte
	v.do(chromedp.FullScreenshot(&png, 100))
	return png
}

func (v *visitor) save(file string, picture []byte) {
	v.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// fits fails when a page must be scrolled sideways.
func (v *visitor) fits(name string, s screen) {
	v.t.Helper()
	wide := v.eval(`(() => {
		const room = ` + s.name + `;
		if (document.documentElement.scrollWidth <= room) return "";
		return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > room + 0.5)
			.map(e => e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right)).join(", ");
	})()`)
	if wide != "" {
		v.t.Errorf("%s at %s px is scrolled sideways by %s", name, s.name, wide)
	}
}

// canBeTouched fails when a control is less than 44 px high.
func (v *visitor) canBeTouched(name string) {
	v.t.Helper()
	small := v.eval(`[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, summary, a.button")]
		.filter(e => e.checkVisibility())
		.map(e => [e, (["checkbox", "radio"].includes(e.type) && e.closest("label") || e).getBoundingClientRect()])
		.filter(([e, box]) => box.height < 43.9 || box.width < 43.9)
		.map(([e, box]) => e.tagName + " " + (e.name || e.innerText) + " " + Math.round(box.width) + "×" + Math.round(box.height)).join("\n")`)
	if small != "" {
		v.t.Errorf("%s has controls under 44 px:\n\t%s", name, strings.ReplaceAll(small, "\n", "\n\t"))
	}
}
