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

// checkSession finds the pass of the visitor's session.
func (g *Gate) checkSession(c *gin.Context) (*Pass, error) {
	clock := g.tokens.clock()
	if where := g.place.Load(); where != nil {
		if cookie := sessionCookie(c.Request, where.name); cookie != "" {
			if v := g.passes.visit(cookie, clock); v != nil {
				return g.recall(c.Request.Context(), v, clock)
			}
		}
	}
	return g.readSession(c)
}

// readSession is the slow way: it reads the session, and remembers what its
// cookie stands for.
func (g *Gate) readSession(c *gin.Context) (*Pass, error) {
	now, clock := g.cfg.Now(), g.tokens.clock()
	session, err := g.loadSession(c)
	if err != nil {
		return nil, err
	}
	cookie := sessionCookie(c.Request, session.Name())
	ref := g.passRef(session)
	if ref == "" {
		if session.IsNew && cookie != "" {
			return nil, g.storeMayBeAway(c.Request.Context(), cookie)
		}
		return nil, ErrNoPass
	}
	known, err := g.lookUpPass(c.Request.Context(), ref)
	if err != nil {
		return nil, err
	}
	pass, err := g.verify(c.Request.Context(), known, now)
	if err != nil {
		return nil, err
	}
	g.lastSeen.note(pass.UseID)
	if cookie != "" {
		g.passes.addVisit(cookie, known, clock, g.cfg.PassMaxAge-now.Sub(known.Since))
	}
	return pass, nil
}

// storeMayBeAway is for stores that answer a new session, not an error, when
// the database that keeps them is away: the GORM store does. It is most often
// the gate's own database, so that one is asked before a visitor is taken for
// a stranger.
func (g *Gate) storeMayBeAway(ctx context.Context, cookie string) error {
	if err := g.tokens.answers(ctx, !g.passes.known(cookie)); err != nil {
		return err
	}
	return ErrNoPass
}

// lookUpPass knows or looks up the entry that a reference stands for.
func (g *Gate) lookUpPass(ctx context.Context, ref string) (*knownPass, error) {
	if known := g.passes.find(ref, g.tokens.readAt.Load()); known != nil {
		return known, nil
	}
	clock := g.tokens.clock()
	use, err := query(ctx, g.tokens.fault, func(ctx context.Context) (models.AccessTokenUse, error) {
		return models.FindPass(ctx, g.cfg.DB, ref)
	})
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, ErrNoPass
	case err != nil:
		return nil, err
	case use.EndedAt != nil:
		return nil, ErrNoPass
	}
	return g.remember(use, clock), nil
}

func (g *Gate) remember(use models.AccessTokenUse, clock int64) *knownPass {
	known := newKnownPass(use, clock)
	g.passes.add(known)
	return known
}

// recall is verify for somebody who was here a few seconds ago: the same
// questions, asked of what the visit has at hand. This is what nearly every
// request goes through. What it doesn't answer with yes, verify decides.
func (g *Gate) recall(ctx context.Context, v *visit, clock int64) (*Pass, error) {
	if err := g.tokens.freshen(ctx, clock); err != nil {
		return nil, err
	}
	if confirmed(v.confirmedAt, g.tokens.readAt.Load()) && !g.tokens.hasEnded(v.useID) {
		if g.tokens.current(v.token, clock) != nil && clock < v.token.liveUntil.Load() {
			return v.pass, nil
		}
	}
	return g.verify(ctx, v.known, g.cfg.Now())
}

// verify tells whether a pass still holds: not ended, not too old, and its
// token live.
func (g *Gate) verify(ctx context.Context, known *knownPass, now time.Time) (*Pass, error) {
	if err := g.tokens.freshen(ctx, g.tokens.clock()); err != nil {
		return nil, err
	}
	if readAt := g.tokens.readAt.Load(); known.confirmedAt.Load() < readAt {
		if !confirmed(known.confirmedAt.Load(), readAt) {
			return g.verifyAnew(ctx, known, now)
		}
		known.confirmedAt.Store(readAt)
	}
	if g.tokens.hasEnded(known.UseID) || now.Sub(known.Since) >= g.cfg.PassMaxAge {
		g.passes.forget(known)
		return nil, ErrNoPass
	}
	row, err := g.tokenOf(ctx, known, now)
	if err != nil {
		return nil, err
	}
	if !row.Live(now) {
		return nil, ErrNoPass
	}
	return &known.Pass, nil
}

// verifyAnew is verify for a pass that was not seen for so long that its end
// may have been missed.
func (g *Gate) verifyAnew(ctx context.Context, known *knownPass, now time.Time) (*Pass, error) {
	g.passes.forget(known)
	fresh, err := g.lookUpPass(ctx, known.ref)
	if err != nil {
		return nil, err
	}
	known.confirmedAt.Store(fresh.confirmedAt.Load())
	g.passes.add(known)
	return g.verify(ctx, known, now)
}

// tokenOf knows or looks up the token of a pass.
func (g *Gate) tokenOf(ctx context.Context, known *knownPass, now time.Time) (*models.AccessToken, error) {
	if row := g.tokens.current(known.token.Load(), g.tokens.clock()); row != nil {
		return row, nil
	}
	entry, err := g.tokens.byTokenID(ctx, known.TokenID)
	if errors.Is(err, models.ErrNotFound) {
		return nil, ErrNoPass
	}
	if err != nil {
		return nil, err
	}
	row := entryRow(entry)
	if row == nil || row.Check() != known.check.Value() { // deleted this very moment, or another token with its ID
		return nil, ErrNoPass
	}
	known.token.Store(entry)
	return row, nil
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

// passKey is where the pass is kept, in the Gin context and the request's.
type passKey struct{}

// Visitor tells who came through the gate, in a handler behind it. It makes no
// query. It answers false on requests that were bypassed, or that no gate
// guards.
func Visitor(c *gin.Context) (Pass, bool) {
	if pass := admitted(c); pass != nil {
		return *pass, true
	}
	return Pass{}, false
}

// admitted is the pass that a gate before has put into the request, or nil.
func admitted(c *gin.Context) *Pass {
	if value, ok := c.Get(passKey{}); ok {
		if pass, ok := value.(*Pass); ok {
			return pass
		}
	}
	if c.Request != nil {
		if pass, ok := c.Request.Context().Value(passKey{}).(*Pass); ok {
			return pass
		}
	}
	return nil
}
