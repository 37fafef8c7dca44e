package database

import (
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

func openMySQL(dsn string) (*gorm.DB, error) {
	config, err := mysqlConfig(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, errors.New("the MySQL address is wrong: " + oneLine(err.Error()))
	}
	pool := sql.OpenDB(connector)
	limitPool(pool)
	return gorm.Open(gormmysql.New(gormmysql.Config{
		Conn: pool, DSNConfig: config,
		// Asking for the version needs a server that is up. These are what
		// every version of MySQL and MariaDB understands.
		SkipInitializeWithVersion: true,
		DontSupportRenameIndex:    true,
		DontSupportRenameColumn:   true,
		DontSupportForShareClause: true,
	}), gormConfig())
}

// mysqlConfig turns mysql://user:password@host:port/name?settings into the
// driver's configuration. The settings are the driver's own, besides socket.
func mysqlConfig(dsn string) (*mysql.Config, error) {
	address, err := url.Parse(dsn)
	if err != nil {
		return nil, errNotURL
	}
	settings, err := url.ParseQuery(address.RawQuery)
	if err != nil {
		return nil, errNotURL
	}
	socket := settings.Get("socket")
	for _, name := range []string{"socket", "parseTime", "loc", "charset", "time_zone"} {
		settings.Del(name)
	}
	config, err := mysql.ParseDSN("/?" + settings.Encode())
	if err != nil {
		return nil, errors.New("the MySQL address has a setting that the driver refuses: " + oneLine(err.Error()))
	}
	config.User = address.User.Username()
	config.Passwd, _ = address.User.Password()
	config.DBName = strings.TrimPrefix(address.Path, "/")
	if config.DBName == "" {
		return nil, errors.New("the MySQL address names no database; write mysql://user:password@host/name")
	}
	config.Net, config.Addr = mysqlPlace(address, socket)
	return config, mysqlNeeds(config, settings)
}

func mysqlPlace(address *url.URL, socket string) (network, place string) {
	if socket != "" {
		return "unix", socket
	}
	host, port := address.Hostname(), address.Port()
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "3306"
	}
	return "tcp", net.JoinHostPort(host, port)
}

// mysqlNeeds sets what the models rely on, and limits that the address did not
// set.
func mysqlNeeds(config *mysql.Config, given url.Values) error {
	config.ParseTime, config.Loc = true, time.UTC
	config.Logger = &mysql.NopLogger{} // errors are returned; nothing else goes to stderr
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params["time_zone"] = "'+00:00'"
	if !given.Has("timeout") {
		config.Timeout = connectTimeout
	}
	if !given.Has("readTimeout") {
		config.ReadTimeout = time.Minute
	}
	if !given.Has("writeTimeout") {
		config.WriteTimeout = time.Minute
	}
	if !given.Has("interpolateParams") {
		config.InterpolateParams = true // one round trip a statement instead of three; safe with utf8mb4
	}
	collation := config.Collation
	if collation == "" {
		collation = "utf8mb4_general_ci"
	}
	if !strings.HasPrefix(collation, "utf8mb4_") {
		return errors.New("the MySQL address sets a collation that cannot hold all names; use one of utf8mb4")
	}
	return config.Apply(mysql.Charset("utf8mb4", collation))
}
