package database

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func openPostgres(dsn string) (*gorm.DB, error) {
	config, err := postgresConfig(dsn)
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config)
	limitPool(pool)
	return gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormConfig())
}

func postgresConfig(dsn string) (*pgx.ConnConfig, error) {
	if _, err := url.Parse(dsn); err != nil {
		return nil, errNotURL
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the PostgreSQL address is wrong: " + reason(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["timezone"] = "UTC"
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "perimeter"
	}
	return config, nil
}

// reason is what pgx found wrong, without the address that it quotes first.
func reason(err error) string {
	var parse *pgconn.ParseConfigError
	text := err.Error()
	if !errors.As(err, &parse) {
		return "it cannot be read"
	}
	if at := strings.LastIndex(text, "`: "); at >= 0 {
		return oneLine(text[at+len("`: "):])
	}
	return "it cannot be read"
}
