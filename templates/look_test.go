package templates_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// palette is what a page's stylesheet says in one colour scheme.
type palette map[string]string

var (
	darkRule = regexp.MustCompile(`@media \(prefers-color-scheme:dark\)\{:root\{([^}]*)\}`)
	property = regexp.MustCompile(`(--[a-z-]+):([^;}]+)`)
)

// palettes reads the custom properties of a rendered page.
func palettes(t *testing.T, pages *templates.Pages) (light, dark palette) {
	t.Helper()
	css := text(one(t, parse(t, render(t, pages, "notice.html", templates.Notice{})), "style", tag("style")))
	light, dark = palette{}, palette{}
	for _, m := range property.FindAllStringSubmatch(darkRule.ReplaceAllString(css, ""), -1) {
		light[m[1]] = m[2]
		dark[m[1]] = m[2]
	}
	for _, rule := range darkRule.FindAllStringSubmatch(css, -1) {
		for _, m := range property.FindAllStringSubmatch(rule[1], -1) {
			dark[m[1]] = m[2]
		}
	}
	return light, dark
}

// ratio is the contrast of two colours of a palette (WCAG 2.2).
func (p palette) ratio(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, p[a]), luminance(t, p[b])
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	digits := strings.TrimPrefix(hex, "#")
	if len(digits) == 3 {
		digits = strings.Join([]string{digits[:1], digits[:1], digits[1:2], digits[1:2], digits[2:], digits[2:]}, "")
	}
	n, err := strconv.ParseUint(digits, 16, 24)
	if err != nil {
		t.Fatalf("no colour: %q", hex)
	}
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		v := float64(n>>(8*i)&255) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

var grounds = []string{"--ground", "--surface", "--sunken"}

func TestColoursContrast(t *testing.T) {
	t.Parallel()
	light, dark := palettes(t, newPages(t, templates.Look{}))
	if light["--ground"] == dark["--ground"] {
		t.Fatal("dark is as light")
	}
	for name, p := range map[string]palette{"light": light, "dark": dark} {
		for _, ground := range grounds {
			for _, ink := range []string{"--text", "--muted"} {
				if got := p.ratio(t, ink, ground); got < 4.5 {
					t.Errorf("%s: %s on %s has %.2f, want 4.5", name, ink, ground, got)
				}
			}
			for _, edge := range []string{"--control", "--accent", "--danger"} {
				if got := p.ratio(t, edge, ground); got < 3 {
					t.Errorf("%s: %s beside %s has %.2f, want 3", name, edge, ground, got)
				}
			}
		}
		for _, pair := range [][2]string{{"--danger", "--surface"}, {"--danger", "--ground"}, {"--danger", "--danger-soft"},
			{"--on-danger", "--danger"}, {"--success", "--success-soft"}, {"--success", "--surface"}} {
			if got := p.ratio(t, pair[0], pair[1]); got < 4.5 {
				t.Errorf("%s: %s on %s has %.2f, want 4.5", name, pair[0], pair[1], got)
			}
		}
	}
}

func TestEveryAccentContrasts(t *testing.T) {
	t.Parallel()
	accents := []string{"", "#000", "#fff", "#777", "#ffd400", "#0f0", "#f0f", "#1b1f24", "#767676", "#757575"}
	for r := 0; r < 256; r += 51 {
		for g := 0; g < 256; g += 51 {
			for b := 0; b < 256; b += 51 {
				accents = append(accents, fmt.Sprintf("#%02X%02x%02x", r, g, b))
			}
		}
	}
	for _, accent := range accents {
		light, dark := palettes(t, newPages(t, templates.Look{Accent: accent}))
		for name, p := range map[string]palette{"light": light, "dark": dark} {
			for _, ground := range append([]string{"--on-accent"}, grounds...) {
				if got := p.ratio(t, "--accent", ground); got < 4.5 {
					t.Errorf("%s in %s: %s on %s has %.3f, want 4.5", accent, name, p["--accent"], ground, got)
				}
			}
		}
	}
}

func TestAccentStaysWhereItContrasts(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, accent, light, dark string }{
		{"a dark blue in light", "#1f5f8b", "#1f5f8b", ""},
		{"three digits", "#158", "#115588", ""},
		{"a yellow in dark", "#FFD400", "", "#ffd400"},
		{"black turns light in the dark", "#000", "#000000", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			light, dark := palettes(t, newPages(t, templates.Look{Accent: c.accent}))
			if c.light != "" && light["--accent"] != c.light {
				t.Errorf("light accent is %s, want %s", light["--accent"], c.light)
			}
			if c.dark != "" && dark["--accent"] != c.dark {
				t.Errorf("dark accent is %s, want %s", dark["--accent"], c.dark)
			}
		})
	}
}

// What New takes out of the stylesheet is nothing but comments and blanks.
func TestStylesheetIsSentCompactAndWhole(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("html/style.css")
	if err != nil {
		t.Fatal(err)
	}
	written := newPages(t, templates.Look{Overrides: files("style.css", string(raw))})
	sent := newPages(t, templates.Look{})
	squeeze := func(pages *templates.Pages) string {
		css := text(one(t, parse(t, render(t, pages, "notice.html", templates.Notice{})), "style", tag("style")))
		css = regexp.MustCompile(`(?s)/\*.*?\*/|\s+`).ReplaceAllString(css, "")
		return strings.ReplaceAll(css, ";}", "}")
	}
	if squeeze(written) != squeeze(sent) {
		t.Error("the compact stylesheet says something else")
	}
	css := text(one(t, parse(t, render(t, sent, "notice.html", templates.Notice{})), "style", tag("style")))
	if strings.Contains(css, "/*") || strings.Contains(css, "\t") {
		t.Error("the stylesheet was sent with comments or indentation")
	}
	if len(css) > 12<<10 {
		t.Errorf("the stylesheet has %d bytes, want at most 12 KiB", len(css))
	}
	if open, shut := strings.Count(css, "{"), strings.Count(css, "}"); open != shut {
		t.Errorf("%d braces open, %d close", open, shut)
	}
	for _, outside := range []string{"url(", "@import", "@font-face"} {
		if strings.Contains(css, outside) {
			t.Errorf("the stylesheet loads something: %s", outside)
		}
	}
}
