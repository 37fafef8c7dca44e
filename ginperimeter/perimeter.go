package ginperimeter

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	lru "github.com/hashicorp/golang-lru/v2"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// Gate guards a site. Make one with New; it is safe for concurrent use, and
// may stand in several places of one site.
type Gate struct {
	cfg       Config
	prefix    string // of BaseURL
	leavePath string
	bypass    bypassPaths
	pages     *templates.Pages
	origins   *http.CrossOriginProtection

	place    atomic.Pointer[place]
	tokens   *tokens
	passes   *passes
	hours    *lru.Cache[hour, struct{}]
	limits   limits
	lastSeen lastSeen
	line     line

	sessionFault *fault
	writeFault   *fault
	noSessions   sync.Once // the missing middleware is logged once
	checkProxies sync.Once
}

// Middleware is the gate with its defaults, in one line. It panics when it
// cannot work, saying what is wrong and the remedy: start-up is the time to
// find out. Use New for a Config and an error.
func Middleware(db *gorm.DB) gin.HandlerFunc {
	gate, err := New(Config{DB: db})
	if err != nil {
		panic(err)
	}
	return gate.Middleware()
}

// New makes a gate. Its error lists every mistake in cfg, and missing tables.
// A database that does not answer is no error but a warning in the log: the
// gate answers 503 until it does.
func New(cfg Config) (*Gate, error) {
	err := cfg.complete()
	pages, pagesErr := templates.NewForVisitors(cfg.Look)
	origins := http.NewCrossOriginProtection()
	for _, origin := range cfg.origins() {
		if originErr := origins.AddTrustedOrigin(origin); originErr != nil {
			err = errors.Join(err, errors.New(`ginperimeter: TrustedOrigins: write an origin such as "https://example.com"; `+originErr.Error()))
		}
	}
	if err = errors.Join(err, pagesErr); err != nil {
		return nil, err
	}
	away, err := checkTables(&cfg)
	if err != nil {
		return nil, err
	}
	gate := newGate(cfg, pages, origins)
	if away {
		gate.tokens.fault.begin() // it has been logged
	}
	return gate, nil
}

func newGate(cfg Config, pages *templates.Pages, origins *http.CrossOriginProtection) *Gate {
	hours, err := lru.New[hour, struct{}](cfg.MaxVisitors)
	if err != nil {
		panic("ginperimeter: " + err.Error()) // the size has been checked
	}
	g := &Gate{
		cfg: cfg, prefix: cfg.prefix(), leavePath: cfg.leavePath(),
		bypass: newBypassPaths(cfg.BypassPaths), pages: pages, origins: origins,
		tokens: newTokens(&cfg), passes: newPasses(cfg.MaxVisitors), hours: hours,
		sessionFault: newFault(&cfg, whatSessions),
		writeFault:   newFault(&cfg, whatWrites),
		line:         newLine(&cfg),
		limits: limits{
			shared: cfg.Limiter, own: newProcessLimiter(cfg.Now),
			fault: newFault(&cfg, whatLimiter),
		},
	}
	g.tokens.reloaded = g.afterReload
	if cfg.InsecureDisabled {
		cfg.Logger.Warn("perimeter: the gate is switched off; the site is open to everybody", "event", "perimeter.disabled")
	}
	return g
}

// startTimeout is how long New waits for the database.
const startTimeout = 5 * time.Second

// checkTables wants the tables, and warns when the database does not answer.
func checkTables(cfg *Config) (away bool, err error) {
	if cfg.InsecureDisabled {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	err = models.CheckTables(ctx, cfg.DB)
	switch {
	case errors.Is(err, models.ErrNoTables), errors.Is(err, models.ErrSettings):
		return false, err
	case err != nil:
		cfg.Logger.Warn("perimeter: the database does not answer; the gate lets nobody in until it does",
			slog.String("event", "perimeter.away"), slog.String("what", whatDatabase), slog.Any("error", err))
	}
	return err != nil, nil
}

// Middleware is the gate as a Gin middleware. It also answers the gateway page
// and leaving, wherever a request for them passes through it: with r.Use that
// is the whole site. In front of a part of the site only, mount them by Routes.
func (g *Gate) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		if pass, ok := g.admit(c); ok && pass != nil {
			c.Set(passKey{}, pass)
		}
	}
}

// admit lets a request through, with its pass if it has one, or answers it.
func (g *Gate) admit(c *gin.Context) (*Pass, bool) {
	if g.own(c) {
		c.Abort()
		return nil, false
	}
	pass, by, err := g.check(c)
	if err != nil {
		g.refuse(c, err)
		c.Abort()
		return nil, false
	}
	if pass != nil {
		g.markPrivate(c, by)
		if by == byHeader { // the header is gone, should a handler send the request through the engine again
			c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), passKey{}, pass))
		}
		g.observe(EventPassed, string(by), 0)
	}
	return pass, true
}

// own answers the gate's own pages.
func (g *Gate) own(c *gin.Context) bool {
	switch path := c.Request.URL.Path; {
	case path == g.cfg.GatewayPath:
		g.gateway(c)
	case path == g.leavePath && !g.cfg.InsecureDisabled:
		g.leave(c)
	case g.cfg.RobotsTxt && path == "/robots.txt" && !g.cfg.InsecureDisabled:
		g.robots(c)
	default:
		return false
	}
	return true
}

// Routes mounts the gateway page and leaving on r, for gates that guard only a
// part of the site.
func (g *Gate) Routes(r gin.IRoutes) {
	r.Any(g.cfg.GatewayPath, g.gateway)
	r.Any(g.leavePath, g.leave)
}

// Check decides whether a request may go on, and answers nothing itself, nor
// takes a token out of the request's header, as Middleware does. The
// pass is empty when the gate is off or the request bypassed. The error is, by
// errors.Is, ErrNoPass, ErrHeaderToken, ErrHeaderMaxUses, ErrUnavailable or
// ErrNoSessions, or says that too many wrong tokens were tried.
func (g *Gate) Check(c *gin.Context) (Pass, error) {
	pass, _, err := g.check(c)
	if pass == nil {
		return Pass{}, err
	}
	return *pass, err
}

func (g *Gate) check(c *gin.Context) (pass *Pass, by channel, err error) {
	if g.cfg.InsecureDisabled || g.bypassed(c) {
		return nil, "", nil
	}
	text, err := headerToken(c.Request)
	if err != nil {
		return nil, byHeader, err
	}
	if text != "" {
		pass, err = g.checkHeader(c, text)
		return pass, byHeader, err
	}
	pass, err = g.checkSession(c)
	if err != nil {
		if before := g.cameByHeader(c); before != nil {
			return before, byHeader, nil
		}
	}
	return pass, bySession, err
}

func (g *Gate) afterReload(ctx context.Context, took time.Duration, err error) {
	if err != nil {
		g.observe(EventReload, "failed", took)
		return
	}
	g.observe(EventReload, "", took)
	// beside the reloads: those who wait for one must not wait for a write, which
	// somebody else's transaction may hold up
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
		defer cancel()
		_ = g.flushSeen(ctx, false) // the next reload tells of a database that is away
	}()
}
