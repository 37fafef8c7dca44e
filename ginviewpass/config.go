package ginviewpass

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

// Param is the name of the query parameter that carries a link.
const Param = "viewpass"

const (
	minKey          = 32 // bytes: the size of a SHA-256 key, so that guessing is hopeless
	defaultLifetime = 30 * 24 * time.Hour
)

// Config configures New. Keys is required; all else may stay zero.
type Config struct {
	// Keys are the secrets that sign links, 32 random bytes or more each
	// (openssl rand -base64 32). The first one signs, all of them verify. To
	// change the key, put the new one first; remove the old one when its links
	// may stop working. Whoever knows a key can make any link.
	Keys [][]byte

	// MaxAge is the longest life of any link, counted from its issue. It is
	// checked when a link is used too, so lowering it shortens links that are
	// out already, those that never expire included. Default: 0, no limit.
	MaxAge time.Duration

	// DefaultLifetime is how long a link lives when URL is not told otherwise.
	// Default: 30 days, or MaxAge where that is shorter.
	DefaultLifetime time.Duration

	// IgnoredParams are query parameters that others append to links and that
	// pages do not depend on. They are neither signed nor checked: list no
	// parameter that changes what a page shows. A name that ends in "*" stands
	// for all names that begin with the rest. Names are case-sensitive.
	// Default (nil): DefaultIgnoredParams(). An empty list ignores nothing.
	IgnoredParams []string

	// Authorize is the host's own check: whether the person behind the request
	// holds the permission without a link. Require asks it where the link does
	// not grant, and viewpassURL asks it before it makes a link. It must not
	// ask HasPermission or Allowed itself, and it is called concurrently.
	// Default (nil): Require lets nobody through without a link, and
	// viewpassURL leaves the decision to the author of the template.
	Authorize func(c *gin.Context, permission string) bool

	// BaseURL is the site's address for visitors, such as
	// "https://www.example.com" or "https://www.example.com/app". Only
	// AbsoluteURL needs scheme and host. A path in it is the prefix that a
	// reverse proxy or http.StripPrefix takes off before the routes see the
	// request: it is printed in links, and it is not signed. Leave the path
	// out where the routes themselves carry the prefix. Default: none.
	BaseURL string

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	// Logger gets a line at level Debug for each link that is refused, and a
	// warning for a wrong order of middlewares; never a link. Default:
	// slog.Default().
	Logger *slog.Logger

	// Look is how the pages for 403 and 410 introduce the site.
	Look templates.Look
}

// DefaultIgnoredParams returns the parameters that are ignored unless
// Config.IgnoredParams says otherwise: those that mail services, advertising
// and social networks append to the links they carry.
func DefaultIgnoredParams() []string {
	return []string{
		"utm_*", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "_gl", // Google
		"fbclid", "igshid", "igsh", // Meta
		"msclkid", "ttclid", "twclid", "li_fat_id", "yclid", // Microsoft, TikTok, X, LinkedIn, Yandex
		"mc_cid", "mc_eid", "_hsenc", "_hsmi", "mkt_tok", "vero_id", "_ke", "ck_subscriber_id", // mail services
	}
}

// Links signs links and checks them. It is safe for concurrent use.
type Links struct {
	keys      []*key
	maxAge    time.Duration
	lifetime  time.Duration
	ignored   ignored
	authorize func(*gin.Context, string) bool
	origin    string // scheme and host of BaseURL, or ""
	prefix    string // path of BaseURL without a slash at its end, or ""
	now       func() time.Time
	logger    *slog.Logger
	look      templates.Look
	pages     *templates.Pages
	explainer any // explain as a func(string) string, boxed once
	views     views
	misplaced sync.Once // the warning about the order of middlewares
}

// New returns Links for config, or one error that lists every mistake in it.
// It keeps no reference to the bytes of config.Keys.
func New(config Config) (*Links, error) {
	l := &Links{
		maxAge:    config.MaxAge,
		lifetime:  config.DefaultLifetime,
		authorize: config.Authorize,
		now:       config.Now,
		logger:    config.Logger,
		look:      config.Look,
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.logger == nil {
		l.logger = slog.Default()
	}
	l.explainer = l.explain
	err := errors.Join(
		l.setKeys(config.Keys),
		l.setLifetime(),
		l.setIgnored(config.IgnoredParams),
		l.setBaseURL(config.BaseURL),
		l.setPages(),
	)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Links) setKeys(secrets [][]byte) error {
	if len(secrets) == 0 {
		return errors.New("ginviewpass: Keys is empty; give at least one key of 32 random bytes (openssl rand -base64 32)")
	}
	var errs []error
	for i, secret := range secrets {
		if err := checkKey(secrets, i); err != nil {
			errs = append(errs, err)
			continue
		}
		k, err := newKey(secret)
		errs = append(errs, err)
		l.keys = append(l.keys, k)
	}
	return errors.Join(errs...)
}

func checkKey(secrets [][]byte, i int) error {
	secret := secrets[i]
	if len(secret) < minKey {
		return fmt.Errorf("ginviewpass: Keys[%d] is %d bytes; need at least %d (openssl rand -base64 32)", i, len(secret), minKey)
	}
	if len(bytes.Trim(secret, string(secret[:1]))) == 0 {
		return fmt.Errorf("ginviewpass: Keys[%d] is one byte repeated; use random bytes (openssl rand -base64 32)", i)
	}
	for j := range i {
		if bytes.Equal(secrets[j], secret) {
			return fmt.Errorf("ginviewpass: Keys[%d] repeats Keys[%d]; remove one of them", i, j)
		}
	}
	return nil
}

func (l *Links) setLifetime() error {
	var errs []error
	if l.maxAge < 0 {
		errs = append(errs, fmt.Errorf("ginviewpass: MaxAge is %v; use 0 for no limit", l.maxAge))
	}
	if l.lifetime != 0 && l.lifetime < time.Second {
		errs = append(errs, fmt.Errorf("ginviewpass: DefaultLifetime is %v; use a second or more, or 0 for 30 days", l.lifetime))
	}
	if l.maxAge > 0 && l.maxAge < time.Second {
		errs = append(errs, fmt.Errorf("ginviewpass: MaxAge is %v; use a second or more, or 0 for no limit", l.maxAge))
	}
	if l.maxAge > 0 && l.lifetime > l.maxAge {
		errs = append(errs, fmt.Errorf("ginviewpass: DefaultLifetime %v is longer than MaxAge %v; lower it or leave it out", l.lifetime, l.maxAge))
	}
	if l.lifetime == 0 {
		l.lifetime = defaultLifetime
		if l.maxAge > 0 {
			l.lifetime = min(l.lifetime, l.maxAge)
		}
	}
	return errors.Join(errs...)
}

func (l *Links) setIgnored(names []string) error {
	if names == nil {
		names = DefaultIgnoredParams()
	}
	var errs []error
	l.ignored.names = make(map[string]bool, len(names))
	for i, name := range names {
		stem, isPrefix := strings.CutSuffix(name, "*")
		switch {
		case stem == "":
			errs = append(errs, fmt.Errorf("ginviewpass: IgnoredParams[%d] is %q; write a name, or a prefix and *", i, name))
		case name == Param || isPrefix && strings.HasPrefix(Param, stem):
			errs = append(errs, fmt.Errorf("ginviewpass: IgnoredParams[%d] is %q; the link itself cannot be ignored", i, name))
		case isPrefix:
			l.ignored.prefixes = append(l.ignored.prefixes, stem)
		default:
			l.ignored.names[name] = true
		}
	}
	return errors.Join(errs...)
}

func (l *Links) setBaseURL(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return errors.New("ginviewpass: BaseURL is not an absolute http or https URL; write one such as https://www.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(base, "#") {
		return errors.New("ginviewpass: BaseURL has a user, a query or a fragment; write scheme, host and path only")
	}
	l.origin = u.Scheme + "://" + u.Host
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	if path == "" {
		return nil
	}
	if l.prefix, err = canonicalPath(path); err != nil {
		return fmt.Errorf("ginviewpass: BaseURL has a path that cannot be linked to: %w", err)
	}
	return nil
}

func (l *Links) setPages() (err error) {
	if l.pages, err = templates.NewForVisitors(l.look); err != nil {
		return fmt.Errorf("ginviewpass: Look: %w", err)
	}
	return nil
}
