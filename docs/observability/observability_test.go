package observability_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/docs/observability"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/perimetertest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// visit runs a site with that observer: one visitor meets the gateway, comes
// in and opens a page, and a stranger is refused. Then the database goes away.
func visit(t *testing.T, observe func(ginperimeter.Event)) {
	t.Helper()
	gin.SetMode(gin.TestMode)
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	store := cookie.NewStore([]byte("a key for tests that has 32 bytes"))
	store.Options(sessions.Options{Path: "/", MaxAge: 60})
	r := gin.New()
	r.Use(sessions.Sessions("site", store), gate.Middleware())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "home") })
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	ask := func(client *http.Client, want int, header string) {
		t.Helper()
		request, _ := http.NewRequest(http.MethodGet, server.URL+"/", nil)
		if header != "" {
			request.Header.Set("X-Perimeter-Token", header)
		}
		resp, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("answered %d, want %d", resp.StatusCode, want)
		}
	}
	ask(perimetertest.Enter(t, server, db), http.StatusOK, "")
	ask(http.DefaultClient, http.StatusUnauthorized, "")
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	ask(http.DefaultClient, http.StatusServiceUnavailable, models.GenerateToken())
}

func TestPrometheus(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	visit(t, observability.Prometheus(registry))
	want := `
# HELP perimeter_away 1 while the gate gets no answer from it.
# TYPE perimeter_away gauge
perimeter_away{what="database"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "perimeter_away"); err != nil {
		t.Error(err)
	}
	text := gathered(t, registry)
	for line, want := range map[string]float64{
		"entered": 1, "passed session": 1, "refused perimeter_token_required": 2, "refused perimeter_unavailable": 1, "away database": 1,
	} {
		if text[line] != want {
			t.Errorf("%q was counted %v times, want %v: %v", line, text[line], want, text)
		}
	}
	if n, err := testutil.GatherAndCount(registry, "perimeter_seconds"); err != nil || n == 0 {
		t.Errorf("%d durations, %v", n, err)
	}
}

func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "perimeter_events_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			words := []string{}
			for _, label := range m.GetLabel() {
				words = append(words, label.GetValue())
			}
			counts[strings.TrimSpace(strings.Join(words, " "))] = m.GetCounter().GetValue()
		}
	}
	return counts
}

func TestOpenTelemetry(t *testing.T) {
	reader := metric.NewManualReader()
	observe, err := observability.OpenTelemetry(metric.NewMeterProvider(metric.WithReader(reader)).Meter("site"))
	if err != nil {
		t.Fatal(err)
	}
	visit(t, observe)
	var data metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &data); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	found := map[string]bool{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			found[m.Name] = true
			points := []metricdata.DataPoint[int64]{}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				points = data.DataPoints
			case metricdata.Gauge[int64]:
				points = data.DataPoints
			}
			for _, p := range points {
				kind, _ := p.Attributes.Value("kind")
				reason, _ := p.Attributes.Value("reason")
				what, _ := p.Attributes.Value("what")
				counts[strings.Join(strings.Fields(kind.AsString()+" "+reason.AsString()+what.AsString()), " ")] = p.Value
			}
		}
	}
	for name, want := range map[string]int64{
		"entered": 1, "passed session": 1, "refused perimeter_token_required": 2, "away database": 1, "database": 1,
	} {
		if counts[name] != want {
			t.Errorf("%q was counted %d times, want %d: %v", name, counts[name], want, counts)
		}
	}
	if !found["perimeter.duration"] {
		t.Errorf("no durations among %v", found)
	}
}

// What the page shows is what is tested here.
func TestPageShowsTheFiles(t *testing.T) {
	page := read(t, "README.md")
	blocks := regexp.MustCompile("(?s)```go (\\w+\\.go)\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d files are shown, want 2", len(blocks))
	}
	for _, block := range blocks {
		if block[2] != read(t, block[1]) {
			t.Errorf("README.md shows another %s than there is; copy the file into it", block[1])
		}
	}
}

// Every event and every log line is on the page.
func TestPageNamesEveryEvent(t *testing.T) {
	page := read(t, "README.md")
	names := map[string]bool{}
	var files []string
	for _, pkg := range []string{"ginperimeter", "ginviewpass", "admin"} {
		found, err := filepath.Glob("../../" + pkg + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	patterns := []*regexp.Regexp{
		regexp.MustCompile(`"event", "([a-z_.]+)"`),             // log lines
		regexp.MustCompile(`EventKind = "(\w+)"`),               // kinds
		regexp.MustCompile(`code: "(perimeter_\w+)"`),           // reasons of refused
		regexp.MustCompile(`reason(?:: |\w* += )"(\w+)"`),       // reasons of denied
		regexp.MustCompile(`d\.reason, [^=]+ = "(\w+)"`),        // reasons of denied
		regexp.MustCompile(`what[A-Z]\w+ += "([a-z ]+)"`),       // what goes away
		regexp.MustCompile(`g\.observe\(Event\w+, "(\w+)", \w`), // others
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, pattern := range patterns {
			for _, match := range pattern.FindAllStringSubmatch(read(t, file), -1) {
				names[match[1]] = true
			}
		}
	}
	if len(names) < 30 {
		t.Fatalf("only %d names were found in the source: %v", len(names), names)
	}
	for name := range names {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("README.md does not name %q", name)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
