package e2e

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// maxPicture is the largest picture that the README loads, in bytes.
const maxPicture = 150 << 10

// pictures are those of the README.
var pictures = []string{
	"gateway", "gateway-dark", "gateway-desktop", "report",
	"admin-overview", "admin-overview-dark", "admin-tokens", "admin-token",
}

// TestPictures makes the pictures of the README from the real pages, with
// -update. Without, it only looks whether they are there, and small.
func TestPictures(t *testing.T) {
	if *update {
		takePictures(t)
	}
	for _, name := range pictures {
		file, err := os.ReadFile(filepath.Join("..", "docs", "images", name+".png"))
		if err != nil {
			t.Fatalf("%v; make it with: go test -run Pictures -update", err)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(file)); err != nil || len(file) > maxPicture {
			t.Errorf("%s has %d bytes, want at most %d (%v)", name, len(file), maxPicture, err)
		}
	}
}

func takePictures(t *testing.T) {
	t.Helper()
	site := startDemo(t)
	seed(t, openDatabase(t, site.file))
	v := newVisitor(t, site.origin, fine)
	v.open("/")
	v.pictured("gateway", "light")
	v.pictured("gateway-dark", "dark")
	v.use(desktop)
	v.pictured("gateway-desktop", "light")
	v.enter(site.token, "Olga Owner", "olga@northwind.example")
	v.open("/report/")
	v.pictured("report", "light")
	site.signIn(v)
	v.pictured("admin-overview", "light")
	v.pictured("admin-overview-dark", "dark")
	v.press("Tokens")
	v.pictured("admin-tokens", "light")
	v.press("Acme preview")
	v.pictured("admin-token", "light")
}

// pictured saves what the window shows for the README.
func (v *visitor) pictured(name, theme string) {
	v.t.Helper()
	v.theme(theme)
	var shot []byte
	v.do(chromedp.CaptureScreenshot(&shot))
	small, err := shrink(shot)
	if err != nil {
		v.t.Fatal(err)
	}
	v.save(filepath.Join("..", "docs", "images", name+".png"), small)
}

// shrink writes a picture with its 256 commonest colours: text and flat areas
// lose nothing that can be seen.
func shrink(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	small := image.NewPaletted(full.Bounds(), commonest(full))
	for y := small.Rect.Min.Y; y < small.Rect.Max.Y; y++ {
		for x := small.Rect.Min.X; x < small.Rect.Max.X; x++ {
			small.Set(x, y, full.At(x, y))
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&out, small)
	return out.Bytes(), err
}

func commonest(picture image.Image) color.Palette {
	count := map[color.RGBA]int{}
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			count[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), bytes.Compare(channels(a), channels(b)))
	})
	var palette color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	return palette
}

func channels(c color.RGBA) []byte { return []byte{c.R, c.G, c.B, c.A} }
