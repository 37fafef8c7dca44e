package ginperimeter_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

func TestMistakesInTheConfig(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	tests := []struct {
		name  string
		cfg   ginperimeter.Config
		wants []string // what the error says: the field and the remedy
	}{
		{"a path that is none", ginperimeter.Config{GatewayPath: "gateway"}, []string{`GatewayPath "gateway" must be a plain path such as "/perimeter/gateway"`}},
		{"a gateway with a slash at the end", ginperimeter.Config{GatewayPath: "/gateway/"}, []string{"GatewayPath"}},
		{"the root as gateway", ginperimeter.Config{GatewayPath: "/"}, []string{"GatewayPath"}},
		{"a gateway with a parameter", ginperimeter.Config{GatewayPath: "/:id/gateway"}, []string{"GatewayPath"}},
		{"a gateway with dots", ginperimeter.Config{GatewayPath: "/a/../gateway"}, []string{"GatewayPath"}},
		{"a gateway where leaving is", ginperimeter.Config{GatewayPath: "/perimeter/leave"}, []string{"GatewayPath", "leave"}},
		{"the whole site bypassed", ginperimeter.Config{BypassPaths: []string{"/"}}, []string{`BypassPaths has "/"`, "InsecureDisabled"}},
		{"a bypass without a slash", ginperimeter.Config{BypassPaths: []string{"static/"}}, []string{`BypassPaths has "static/"; write a path such as "/healthz", or "/static/" for all below`}},
		{"an empty bypass", ginperimeter.Config{BypassPaths: []string{""}}, []string{`BypassPaths has ""`}},
		{"a bypass with a wildcard", ginperimeter.Config{BypassPaths: []string{"/static/*"}}, []string{`BypassPaths has "/static/*"`}},
		{"a bypass with a query", ginperimeter.Config{BypassPaths: []string{"/a?b"}}, []string{`BypassPaths has "/a?b"`}},
		{"a bypass with dots", ginperimeter.Config{BypassPaths: []string{"/a/../b"}}, []string{`BypassPaths has "/a/../b"`}},
		{"a bypass with a percent sign", ginperimeter.Config{BypassPaths: []string{"/a%20b"}}, []string{`BypassPaths has "/a%20b"`}},
		{"a name with a space", ginperimeter.Config{Name: "my site"}, []string{`Name "my site" may have letters, digits, - and _ only`}},
		{"passes of less than a second", ginperimeter.Config{PassMaxAge: time.Millisecond}, []string{"PassMaxAge is 1ms; it may be 1s to"}},
		{"passes of negative age", ginperimeter.Config{PassMaxAge: -time.Hour}, []string{"PassMaxAge is -1h0m0s"}},
		{"stale for too long", ginperimeter.Config{StaleFor: 2 * time.Hour}, []string{"StaleFor is 2h0m0s; it may be 0s to 1h0m0s"}},
		{"a limit without a time", ginperimeter.Config{Attempts: ginperimeter.Limit{Count: 5}}, []string{"Attempts is 5 in 0s; it must be at least 1 in at least 1s"}},
		{"a limit without a count", ginperimeter.Config{AttemptsFromAll: ginperimeter.Limit{Per: time.Minute}}, []string{"AttemptsFromAll is 0 in 1m0s"}},
		{"a negative limit", ginperimeter.Config{Attempts: ginperimeter.Limit{Count: -1, Per: time.Minute}}, []string{"Attempts is -1 in 1m0s"}},
		{"no visitors", ginperimeter.Config{MaxVisitors: -1}, []string{"MaxVisitors is -1; it must be at least 1"}},
		{"an address without a scheme", ginperimeter.Config{BaseURL: "example.com"}, []string{`BaseURL "example.com" must be a URL such as "https://example.com"`}},
		{"an address of another scheme", ginperimeter.Config{BaseURL: "ftp://example.com"}, []string{"BaseURL"}},
		{"an address with a query", ginperimeter.Config{BaseURL: "https://example.com/?a"}, []string{"BaseURL"}},
		{"an address with a user", ginperimeter.Config{BaseURL: "https://me@example.com/"}, []string{"BaseURL"}},
		{"an address with dots", ginperimeter.Config{BaseURL: "https://example.com/a/../b"}, []string{"BaseURL", "not clean"}},
		{"an origin with a path", ginperimeter.Config{TrustedOrigins: []string{"https://example.com/a"}}, []string{"TrustedOrigins", `write an origin such as "https://example.com"`}},
		{"an origin without a scheme", ginperimeter.Config{TrustedOrigins: []string{"example.com"}}, []string{"TrustedOrigins"}},
		{"a colour that is none", ginperimeter.Config{Look: templates.Look{Accent: "blue"}}, []string{`Accent "blue" is not a colour; write #rgb or #rrggbb`}},
		{"everything at once", ginperimeter.Config{
			GatewayPath: "x", BypassPaths: []string{"/", "y"}, Name: "a b", PassMaxAge: -1, StaleFor: 9 * time.Hour, Attempts: ginperimeter.Limit{Count: 1},
			AttemptsFromAll: ginperimeter.Limit{Count: 1}, MaxVisitors: -1, BaseURL: "z", TrustedOrigins: []string{"q", "r"}, Look: templates.Look{Accent: "s"},
		}, []string{"GatewayPath", `BypassPaths has "/"`, `BypassPaths has "y"`, "Name", "PassMaxAge", "StaleFor", "Attempts is", "AttemptsFromAll", "MaxVisitors", "BaseURL", `"q"`, `"r"`, "Accent"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.DB = db
			gate, err := ginperimeter.New(tt.cfg)
			if err == nil || gate != nil {
				t.Fatalf("gate %v, error %v", gate, err)
			}
			for _, want := range tt.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; tt.name == "everything at once" && lines != len(tt.wants) {
				t.Errorf("%d mistakes, want %d:\n%v", lines, len(tt.wants), err)
			}
		})
	}
}

func TestConfigsThatWork(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for name, cfg := range map[string]ginperimeter.Config{
		"the defaults":       {},
		"a gateway up front": {GatewayPath: "/enter"},
		"everything": {
			BypassPaths: []string{"/healthz", "/static/", "/größe"}, Bypass: func(*gin.Context) bool { return false }, TokenOnly: true, GatewayPath: "/eingang/tür", BaseURL: "https://example.com/preview/",
			TrustedOrigins: []string{"https://www.example.com", "http://localhost:8080"}, PassMaxAge: time.Second, StaleFor: -1, Attempts: ginperimeter.Limit{Count: 1, Per: time.Second},
			AttemptsFromAll: ginperimeter.Limit{Count: 1, Per: time.Hour}, MaxVisitors: 1, Name: "beta-2_x", RobotsTxt: true, Look: templates.Look{SiteName: "Acme", Accent: "#abc"},
			Observe: func(ginperimeter.Event) {}, Now: time.Now,
		},
	} {
		cfg.DB = db
		if _, err := ginperimeter.New(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// wantPanic runs a function that must panic with an error that says these texts.
func wantPanic(t testing.TB, run func(), texts ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		err, ok := recover().(error)
		if !ok {
			t.Errorf("no panic with an error")
			return
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("the panic says %q, which lacks %q", err, text)
			}
		}
	}()
	run()
}

func TestMiddlewareInOneLinePanicsWhenItCannotWork(t *testing.T) {
	t.Parallel()
	wantPanic(t, func() { ginperimeter.Middleware(nil) }, "DB is missing", "pass the *gorm.DB")
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		db := d.Open(t)
		wantPanic(t, func() { ginperimeter.Middleware(db) }, "the tables are missing", "run models.Migrate(db)")
		if _, err := ginperimeter.New(ginperimeter.Config{DB: db}); !errors.Is(err, models.ErrNoTables) {
			t.Errorf("New: %v", err)
		}
		migrate(t, db)
		r := gin.New()
		r.Use(sessions.Sessions("site", cookieStore()), ginperimeter.Middleware(db))
		r.GET("/", func(c *gin.Context) { c.String(200, "home") })
		if a := serve(t, r, "GET", "/", nil); a.StatusCode != 401 {
			t.Errorf("a stranger got %d", a.StatusCode)
		}
	})
}

func TestEnabledVariable(t *testing.T) {
	tests := []struct {
		value    string
		disabled bool // InsecureDisabled
		open     bool
		fails    bool
	}{
		{"true", true, false, false},
		{"1", true, false, false},
		{"false", false, true, false},
		{"0", false, true, false},
		{"", true, true, false},
		{"", false, false, false},
		{"yes", false, false, true},
		{"off", true, false, true},
		{"TRUE", false, false, true},
		{" true", false, false, true},
		{"2", false, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.value+" before InsecureDisabled", func(t *testing.T) {
			t.Setenv("PERIMETER_ENABLED", tt.value)
			db := newDB(t)
			if tt.fails {
				_, err := ginperimeter.New(ginperimeter.Config{DB: db, InsecureDisabled: tt.disabled})
				if err == nil || !strings.Contains(err.Error(), "PERIMETER_ENABLED is \""+tt.value+"\"; write true, false, 1 or 0") {
					t.Errorf("error %v", err)
				}
				wantPanic(t, func() { ginperimeter.Middleware(db) }, "PERIMETER_ENABLED")
				return
			}
			s := newSite(t, ginperimeter.Config{DB: db, InsecureDisabled: tt.disabled}, nil)
			status, warnings := http.StatusFound, 0
			if tt.open {
				status, warnings = http.StatusOK, 1
			}
			if a := s.client().get("/page"); a.StatusCode != status {
				t.Errorf("%d, want %d", a.StatusCode, status)
			}
			if n := s.log.count("level=WARN", "event=perimeter.disabled"); n != warnings {
				t.Errorf("%d warnings:\n%s", n, s.log.text())
			}
		})
	}
}

func TestGateThatIsOff(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, "sqlite")
	s := newSite(t, ginperimeter.Config{DB: d.Open(t), InsecureDisabled: true, RobotsTxt: true}, nil) // not even tables
	s.engine.GET("/robots.txt", func(c *gin.Context) { c.String(200, "robots of the site") })
	a := s.client().do("GET", "/who", nil, map[string]string{"X-Perimeter-Token": "anything"})
	a.want(t, http.StatusOK, "")
	if a.Header.Get("Cache-Control") != "" || !strings.Contains(a.body, `"ok":false`) {
		t.Errorf("%v %s", a.Header, a.body)
	}
	s.client().get("/robots.txt").wantText(t, "robots of the site")
	s.client().get(gatewayPath+"?next=/page").want(t, http.StatusFound, "/page")
	s.client().get(gatewayPath+"?next=//evil.example").want(t, http.StatusFound, "/")
	if a := s.client().do("POST", "/perimeter/leave", nil, nil); a.StatusCode != 404 {
		t.Errorf("leaving: %d", a.StatusCode)
	}
}

// TestUnreachableDatabaseAtStart must not keep the host from starting.
func TestUnreachableDatabaseAtStart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		token, _ := newToken(t, db, models.NewAccessToken{})
		p := breakable(t, db)
		p.set(poolFails)
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: db, Now: clock.now}, nil)
		if n := s.log.count("level=WARN", "the database does not answer"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, s.log.text())
		}
		s.client().get(gatewayPath).want(t, http.StatusOK, "")
		s.client().enter(token, "/page").want(t, http.StatusServiceUnavailable, "")
		if a := s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token, "Accept": "*/*"}); a.StatusCode != 503 {
			t.Errorf("header: %d", a.StatusCode)
		}
		p.set(poolWorks)
		clock.advance(2 * time.Second)
		s.client().enter(token, "/page").want(t, http.StatusSeeOther, "/page")
	})
}

// TestNoSessions forgets the sessions middleware, or puts it behind the gate.
func TestNoSessions(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(r *gin.Engine, gate gin.HandlerFunc){
		"missing": func(r *gin.Engine, gate gin.HandlerFunc) { r.Use(gate) },
		"behind":  func(r *gin.Engine, gate gin.HandlerFunc) { r.Use(gate, sessions.Sessions("site", cookieStore())) },
		"not sessions": func(r *gin.Engine, gate gin.HandlerFunc) {
			r.Use(func(c *gin.Context) { c.Set(sessions.DefaultKey, 7) }, gate)
		},
		"a cookie name that none can have": func(r *gin.Engine, gate gin.HandlerFunc) { r.Use(sessions.Sessions("a b", cookieStore()), gate) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := &logbook{}
			gate, err := ginperimeter.New(ginperimeter.Config{DB: newDB(t), Logger: book.logger()})
			must(t, err)
			r := gin.New()
			use(r, gate.Middleware())
			ran := false
			r.GET("/page", func(*gin.Context) { ran = true })
			page := map[string]string{"Accept": "text/html"}
			for range 3 {
				for _, a := range []answer{serve(t, r, "GET", "/page", page), serve(t, r, "GET", gatewayPath, page), serve(t, r, "POST", gatewayPath, page), serve(t, r, "POST", "/perimeter/leave", page)} {
					a.want(t, http.StatusInternalServerError, "")
					wantSilent(t, a)
					a.wantText(t, "This site is not set up correctly")
				}
				a := serve(t, r, "GET", "/page", nil)
				a.want(t, http.StatusInternalServerError, "")
				if a.errorCode() != "perimeter_misconfigured" {
					t.Errorf("a program got %s", a.body)
				}
			}
			if ran {
				t.Error("the handler ran")
			}
			if n := book.count("level=ERROR", "put r.Use(sessions.Sessions(name, store)) before the gate"); n != 1 {
				t.Errorf("%d lines:\n%s", n, book.text())
			}
		})
	}
}

// TestCheck asks for a decision without an answer.
func TestCheck(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	token, _ := newToken(t, db, models.NewAccessToken{Label: "CI"})
	limited, _ := newToken(t, db, models.NewAccessToken{MaxUses: 1})
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, BypassPaths: []string{"/healthz"}, Logger: (&logbook{}).logger()})
	must(t, err)
	with := func(middlewares ...gin.HandlerFunc) func(target, header string) (ginperimeter.Pass, error) {
		return func(target, header string) (pass ginperimeter.Pass, err error) {
			r := gin.New()
			r.Use(middlewares...)
			r.NoRoute(func(c *gin.Context) { pass, err = gate.Check(c) })
			serve(t, r, "GET", target, map[string]string{"X-Perimeter-Token": header})
			return pass, err
		}
	}
	check, bare := with(sessions.Sessions("site", cookieStore())), with()
	tests := []struct {
		name, target, header string
		check                func(string, string) (ginperimeter.Pass, error)
		label                string
		err                  error
	}{
		{"nothing", "/", "", check, "", ginperimeter.ErrNoPass},
		{"a bypassed path", "/healthz", "", check, "", nil},
		{"a token", "/", token, check, "CI", nil},
		{"a wrong token", "/", "wrong", check, "", ginperimeter.ErrHeaderToken},
		{"a token with max uses", "/", limited, check, "", ginperimeter.ErrHeaderMaxUses},
		{"no sessions", "/", "", bare, "", ginperimeter.ErrNoSessions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pass, err := tt.check(tt.target, tt.header)
			if !errors.Is(err, tt.err) || pass.TokenLabel != tt.label {
				t.Errorf("pass %+v, error %v; want the error %v", pass, err, tt.err)
			}
		})
	}
	for range 10 {
		_, err = check("/", models.GenerateToken())
	}
	if err == nil || errors.Is(err, ginperimeter.ErrHeaderToken) || !strings.Contains(err.Error(), "too many wrong tokens") {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	events := make(chan ginperimeter.Event, 1000)
	s := newSite(t, ginperimeter.Config{Observe: func(e ginperimeter.Event) { events <- e }}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	c.get("/page")
	c.get(gatewayPath)
	c.post(gatewayPath, person("wrong"))
	c.post(gatewayPath, person(token))
	c.get("/page")
	s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token})
	s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": "wrong"})
	c.post("/perimeter/leave", nil)
	close(events)
	var got []string
	for e := range events {
		if e.Kind == ginperimeter.EventReload {
			continue
		}
		got = append(got, strings.TrimSpace(string(e.Kind)+" "+e.Reason))
		if e.Kind == ginperimeter.EventEntered && (e.Took <= 0 || e.Took > time.Minute) {
			t.Errorf("entering took %v", e.Took)
		}
	}
	want := "refused perimeter_token_required, denied unknown, entered, passed session, passed header, refused perimeter_token_invalid, left"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("events %s\nwant   %s", text, want)
	}
}
