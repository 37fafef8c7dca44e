package ginperimeter

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// Config is how a gate works. Only DB is required; every zero value is the
// strict choice.
type Config struct {
	// DB holds the tokens. models.Migrate must have run on it. Required.
	DB *gorm.DB

	// BypassPaths are open to everybody: exact paths such as "/healthz", and
	// everything below a path that ends in a slash, such as "/static/". They
	// are compared with the path as the application's routes see it. A request
	// whose path is not clean (dot or empty segments, backslashes, encoded
	// slashes, dots or percent signs) is never bypassed. Default: none.
	BypassPaths []string

	// Bypass opens requests that it answers true for, such as links.Granted of
	// package ginviewpass. It runs for every request that no path above has
	// opened, and is trusted. Default: none.
	Bypass func(*gin.Context) bool

	// TokenOnly leaves out name and email from the gateway's form. Entries are
	// then recorded without them. Default: both are asked for.
	TokenOnly bool

	// GatewayPath is where the gateway page is. Leaving is beside it, as
	// "leave". Default: "/perimeter/gateway".
	GatewayPath string

	// BaseURL is the address of the site as visitors see it, such as
	// "https://example.com" or, where a proxy mounts the application below a
	// prefix, "https://example.com/preview". Its origin is trusted for forms.
	// Default: none; the application is at the root of its host.
	BaseURL string

	// TrustedOrigins are further origins, such as "https://www.example.com",
	// from which the forms may be sent: for proxies that rewrite the Host
	// header. Default: the request's own host and that of BaseURL.
	TrustedOrigins []string

	// PassMaxAge is how long a pass lives at most, whatever the token and the
	// session cookie say. Default: 30 days.
	PassMaxAge time.Duration

	// StaleFor is how long visitors who are inside keep going while the
	// database does not answer, counted from the start of its last good
	// answer. A token that is revoked elsewhere in that time stays good here.
	// Default: 1 minute; negative: not at all; at most 1 hour.
	StaleFor time.Duration

	// Attempts is how many wrong tokens an address may try: an IPv4 address,
	// or an IPv6 network of 64 bits. Default: 10 in 15 minutes.
	Attempts Limit

	// AttemptsFromAll is how many wrong tokens all may try together. Somebody
	// who enters a correct generated token is let in all the same. Default:
	// 100 in a minute.
	AttemptsFromAll Limit

	// Limiter counts the attempts where several instances share the limits;
	// see package redislimit. When it fails, the gate counts in process.
	// Default: in process, in bounded memory.
	Limiter Limiter

	// MaxVisitors is how many visitors the gate remembers at once, at 450 to
	// 650 bytes each. More than that still come in, but cost a look-up more
	// often. Default: 100,000.
	MaxVisitors int

	// Session is the session's name where the host uses
	// sessions.SessionsMany. Default: the only session.
	Session string

	// Name tells several gates of one site apart: a pass of one opens no
	// other. Letters, digits, - and _. Default: "site".
	Name string

	// RobotsTxt answers /robots.txt with "Disallow: /" instead of guarding it.
	// Crawlers that may not fetch a page never see that it is not to be
	// indexed, so leave it off unless crawlers are a burden. Default: off.
	RobotsTxt bool

	// Look is how the pages introduce the site.
	Look templates.Look

	// Observe is called with everything that happens at the gate; see Event.
	// It runs within the request and must be quick and safe for concurrent
	// use. Default: none.
	Observe func(Event)

	// InsecureDisabled opens the site to everybody. The environment variable
	// PERIMETER_ENABLED (true, false, 1 or 0) comes before it. Default: false.
	InsecureDisabled bool

	// Now is the clock. Default: time.Now. When the machine's clock is set,
	// tokens expire by the new time within 5 seconds.
	Now func() time.Time

	elapsed func(since time.Time) time.Duration // by the same clock

	// Logger takes the gate's log. It is never given a token. Default:
	// slog.Default().
	Logger *slog.Logger
}

// The defaults of Config.
const (
	defaultGatewayPath = "/perimeter/gateway"
	defaultPassMaxAge  = 30 * 24 * time.Hour
	defaultStaleFor    = time.Minute
	maxStaleFor        = time.Hour
	defaultMaxVisitors = 100_000
	defaultName        = "site"
)

// EnabledVariable is the environment variable that switches gates on or off
// before Config.InsecureDisabled does.
const EnabledVariable = "PERIMETER_ENABLED"

// complete fills in defaults and lists every mistake.
func (cfg *Config) complete() error {
	cfg.GatewayPath = cmp.Or(cfg.GatewayPath, defaultGatewayPath)
	cfg.PassMaxAge = cmp.Or(cfg.PassMaxAge, defaultPassMaxAge)
	cfg.StaleFor = cmp.Or(cfg.StaleFor, defaultStaleFor)
	cfg.MaxVisitors = cmp.Or(cfg.MaxVisitors, defaultMaxVisitors)
	cfg.Name = cmp.Or(cfg.Name, defaultName)
	cfg.Attempts = cmp.Or(cfg.Attempts, Limit{Count: 10, Per: 15 * time.Minute})
	cfg.AttemptsFromAll = cmp.Or(cfg.AttemptsFromAll, Limit{Count: 100, Per: time.Minute})
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now, cfg.elapsed = time.Now, time.Since // which reads one clock, not two
	} else {
		cfg.elapsed = func(since time.Time) time.Duration { return cfg.Now().Sub(since) }
	}
	return errors.Join(
		cfg.checkEnabled(), cfg.checkDB(), cfg.checkPaths(), cfg.checkName(),
		cfg.checkRange("PassMaxAge", cfg.PassMaxAge, time.Second, 10*365*24*time.Hour),
		cfg.checkRange("StaleFor", cfg.StaleFor, -1<<62, maxStaleFor),
		cfg.Attempts.check("Attempts"), cfg.AttemptsFromAll.check("AttemptsFromAll"),
		cfg.checkVisitors(), cfg.checkBaseURL(),
	)
}

func (cfg *Config) checkEnabled() error {
	switch text, set := os.LookupEnv(EnabledVariable); {
	case !set || text == "":
	case text == "true" || text == "1":
		cfg.InsecureDisabled = false
	case text == "false" || text == "0":
		cfg.InsecureDisabled = true
	default:
		return fmt.Errorf("ginperimeter: %s is %q; write true, false, 1 or 0", EnabledVariable, text)
	}
	return nil
}

func (cfg *Config) checkDB() error {
	if cfg.DB == nil {
		return errors.New("ginperimeter: DB is missing; pass the *gorm.DB that holds the tokens")
	}
	return nil
}

func (cfg *Config) checkPaths() error {
	var errs []error
	if g := cfg.GatewayPath; !isCleanPath(g) || strings.HasSuffix(g, "/") || strings.ContainsAny(g, "?#:*") {
		errs = append(errs, fmt.Errorf(`ginperimeter: GatewayPath %q must be a plain path such as "/perimeter/gateway"`, g))
	} else if g == cfg.leavePath() {
		errs = append(errs, fmt.Errorf(`ginperimeter: GatewayPath %q is where leaving is; end it with something other than "leave"`, g))
	}
	for _, p := range cfg.BypassPaths {
		switch {
		case p == "/":
			errs = append(errs, errors.New(`ginperimeter: BypassPaths has "/", which would open the whole site; name the paths, or switch the gate off by InsecureDisabled`))
		case !isCleanPath(p) || strings.ContainsAny(p, "?#*"):
			errs = append(errs, fmt.Errorf(`ginperimeter: BypassPaths has %q; write a path such as "/healthz", or "/static/" for all below`, p))
		}
	}
	return errors.Join(errs...)
}

func (cfg *Config) leavePath() string { return path.Join(path.Dir(cfg.GatewayPath), "leave") }

func (cfg *Config) checkName() error {
	for _, r := range cfg.Name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return fmt.Errorf("ginperimeter: Name %q may have letters, digits, - and _ only", cfg.Name)
		}
	}
	return nil
}

func (cfg *Config) checkRange(field string, d, least, most time.Duration) error {
	if d < least || d > most {
		return fmt.Errorf("ginperimeter: %s is %v; it may be %v to %v", field, d, max(least, 0), most)
	}
	return nil
}

func (cfg *Config) checkVisitors() error {
	if cfg.MaxVisitors < 1 {
		return fmt.Errorf("ginperimeter: MaxVisitors is %d; it must be at least 1", cfg.MaxVisitors)
	}
	return nil
}

func (cfg *Config) checkBaseURL() error {
	if cfg.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf(`ginperimeter: BaseURL %q must be a URL such as "https://example.com" or "https://example.com/preview"`, cfg.BaseURL)
	}
	if u.Path != "" && u.Path != "/" && !isCleanPath(u.Path) {
		return fmt.Errorf("ginperimeter: BaseURL %q has a path that is not clean", cfg.BaseURL)
	}
	return nil
}

// prefix is the path below which a proxy mounts the application, without a
// slash at the end. The URL has been checked.
func (cfg *Config) prefix() string {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}

// origins are all that forms may come from, besides the request's own host.
func (cfg *Config) origins() []string {
	if cfg.BaseURL == "" {
		return cfg.TrustedOrigins
	}
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || u.Scheme == "" || u.Host == "" { // a mistake of its own
		return cfg.TrustedOrigins
	}
	return append([]string{u.Scheme + "://" + u.Host}, cfg.TrustedOrigins...)
}
