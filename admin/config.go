package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// DefaultGatewayPath is where the gateway page stands unless said otherwise.
const DefaultGatewayPath = "/perimeter/gateway"

// Config says what the pages work on and who may see them.
type Config struct {
	// DB is the database that the gate uses too, migrated by models.Migrate.
	// Required. When it cannot be reached at start-up, Mount logs a warning,
	// and the pages answer 503 until it can.
	DB *gorm.DB

	// Auth decides who may see the pages: it aborts the request of everybody
	// else. gin.BasicAuth(accounts) works as it is. It runs before everything
	// of the admin's own. Required; there is no way to go without.
	Auth gin.HandlerFunc

	// Actor names who is signed in, after Auth has run. The name is shown,
	// recorded with every change and kept as a token's creator. A request for
	// which it is "" is refused with 403. Default: the text that gin.BasicAuth
	// leaves under gin.AuthUserKey.
	Actor func(*gin.Context) string

	// Links makes and inspects signed links. Default: none, and no page for it.
	Links *ginviewpass.Links

	// Permissions are what links made here may grant, such as
	// "reporting.view_report", and nothing else. Needs Links. Default: none,
	// and no page for links.
	Permissions []string

	// BaseURL is how browsers reach the site, such as "https://example.com" or
	// "https://example.com/preview" for a site mounted below a prefix. It
	// makes invitation links and the pages' own links. Default: the origin that
	// the admin's browser names, and no prefix.
	BaseURL string

	// TrustedOrigins may send forms besides the site itself, each as
	// "https://example.com". It is needed behind a proxy that rewrites the
	// Host header. Default: none.
	TrustedOrigins []string

	// GatewayPath is the gateway page's path, where invitation links lead.
	// Default: DefaultGatewayPath.
	GatewayPath string

	// Look is how the pages introduce the site; give the gate the same.
	Look templates.Look

	// Location is the time zone of the dates that are shown and entered.
	// Default: time.Local.
	Location *time.Location

	// Now is the clock of what is shown. Default: time.Now.
	Now func() time.Time

	// Logger gets what went wrong; never a token. Default: slog.Default().
	Logger *slog.Logger
}

// startTimeout is how long Mount waits for the database.
const startTimeout = 5 * time.Second

func newAdmin(group *gin.RouterGroup, config Config) (*admin, error) {
	a := &admin{Config: config.withDefaults(), origins: http.NewCrossOriginProtection()}
	prefix, urlErr := checkBaseURL(a.BaseURL)
	pages, pagesErr := templates.New(a.Look)
	err := errors.Join(checkGroup(group), a.checkRequired(), a.checkTables(), urlErr, a.trustOrigins(), checkPath(a.GatewayPath), pagesErr)
	if err != nil {
		return nil, err
	}
	a.pages = pages
	a.root = prefix + strings.TrimRight(group.BasePath(), "/")
	return a, nil
}

func (config Config) withDefaults() Config {
	config.BaseURL = strings.TrimRight(config.BaseURL, "/")
	if config.Actor == nil {
		config.Actor = basicAuthUser
	}
	if config.GatewayPath == "" {
		config.GatewayPath = DefaultGatewayPath
	}
	if config.Location == nil {
		config.Location = time.Local
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return config
}

func basicAuthUser(c *gin.Context) string { return c.GetString(gin.AuthUserKey) }

func checkGroup(group *gin.RouterGroup) error {
	if group == nil {
		return errors.New(`admin: the group is nil; pass r.Group("/perimeter/admin")`)
	}
	if strings.ContainsAny(group.BasePath(), ":*") {
		return fmt.Errorf("admin: the group's path %q has parameters; mount on a fixed path", group.BasePath())
	}
	return nil
}

func (config Config) checkRequired() error {
	var errs []error
	if config.Auth == nil {
		errs = append(errs, errors.New("admin: Auth is nil, which would open the pages to everybody; pass gin.BasicAuth(accounts) or a middleware of your own"))
	}
	if config.DB == nil {
		errs = append(errs, errors.New("admin: DB is nil; pass the *gorm.DB that the gate uses"))
	}
	if len(config.Permissions) > 0 && config.Links == nil {
		errs = append(errs, errors.New("admin: Permissions is set, but Links is nil; pass the *ginviewpass.Links of the site, or leave Permissions out"))
	}
	if slices.Contains(config.Permissions, "") {
		errs = append(errs, errors.New("admin: Permissions has an empty name; remove it"))
	}
	return errors.Join(errs...)
}

// checkTables makes missing tables an error, and an unreachable database a
// warning: it may come later.
func (config Config) checkTables() error {
	if config.DB == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	err := models.CheckTables(ctx, config.DB)
	if errors.Is(err, models.ErrNoTables) {
		return fmt.Errorf("admin: DB: %w", err)
	}
	if err != nil {
		config.Logger.Warn("admin: the database cannot be reached; the pages answer 503 until it can", "event", "admin.away", "error", err)
	}
	return nil
}

// checkBaseURL gives the path that all addresses begin with.
func checkBaseURL(base string) (prefix string, err error) {
	if base == "" {
		return "", nil
	}
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || strings.ContainsAny(base, "?#") {
		return "", errors.New("admin: BaseURL must look like https://example.com or https://example.com/prefix")
	}
	return u.EscapedPath(), nil
}

func (a *admin) trustOrigins() error {
	var errs []error
	for _, origin := range a.TrustedOrigins {
		if err := a.origins.AddTrustedOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("admin: TrustedOrigins: %w", err))
		}
	}
	return errors.Join(errs...)
}

func checkPath(gateway string) error {
	if !strings.HasPrefix(gateway, "/") || strings.HasPrefix(gateway, "//") || strings.ContainsAny(gateway, "?#\\") {
		return fmt.Errorf("admin: GatewayPath %q is not a path; it begins with a single slash and has no query", gateway)
	}
	return nil
}
