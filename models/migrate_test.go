package models_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // for the test of a DSN with a local zone

	gomysql "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// migrateHere makes the test binary a process that only migrates.
const migrateHere = "PERIMETER_TEST_MIGRATE_HERE"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(migrateHere); dsn != "" {
		if err := migrateAlone(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func migrateAlone(dsn string) error {
	db, err := database.Open(dsn)
	if err != nil {
		return err
	}
	if err := models.Migrate(db); err != nil {
		return err
	}
	return models.CheckTables(context.Background(), db)
}

func TestEightProcessesMigrateAnEmptyDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	rounds := 1
	if os.Getenv("CI") != "" && !testing.Short() {
		rounds = 20 // a race may need a few to show
	}
	for range rounds {
		dbtest.EachEmpty(t, migrateByEight)
	}
}

func migrateByEight(t *testing.T, d dbtest.Database) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			process := exec.Command(os.Args[0])
			process.Env = append(os.Environ(), migrateHere+"="+d.DSN)
			if output, err := process.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	all.Wait()
	db := d.Open(t)
	if err := models.CheckTables(t.Context(), db); err != nil {
		t.Error(err)
	}
	create(t, db, models.NewAccessToken{})
	var versions int64
	if err := db.Table("perimeter_schema").Count(&versions).Error; err != nil || versions != 1 {
		t.Errorf("%d versions, %v", versions, err)
	}
}

func TestManyPoolsMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		var all sync.WaitGroup
		for range 6 {
			db := d.Open(t)
			all.Go(func() {
				if err := models.Migrate(db); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// recorder keeps the statements that GORM runs.
type recorder struct {
	logger.Interface
	mu         sync.Mutex
	statements []string
}

func (r *recorder) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	text, _ := statement()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, text)
}

func (r *recorder) LogMode(logger.LogLevel) logger.Interface { return r }

func TestASecondMigrationOnlyReads(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		r := &recorder{Interface: logger.Discard}
		if err := models.Migrate(db.Session(&gorm.Session{Logger: r})); err != nil {
			t.Fatal(err)
		}
		if len(r.statements) == 0 {
			t.Fatal("nothing was recorded")
		}
		for _, text := range r.statements {
			if !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(text)), "SELECT") {
				t.Errorf("ran %s", text)
			}
		}
	})
}

func TestTheSchemaRunByHandIsUpToDate(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		db := d.Open(t)
		if err := models.CheckTables(t.Context(), db); !errors.Is(err, models.ErrNoTables) {
			t.Fatalf("an empty database: %v, want ErrNoTables", err)
		}
		text, err := models.SchemaSQL(db.Name())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // and a second time does no harm
			for _, statement := range strings.Split(text, ";\n") {
				if strings.TrimSpace(statement) == "" {
					continue
				}
				if err := db.Exec(statement).Error; err != nil {
					t.Fatalf("%v in\n%s", err, statement)
				}
			}
		}
		if err := models.CheckTables(t.Context(), db); err != nil {
			t.Error(err)
		}
	})
}

func TestMigrationRepairs(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"a table that was dropped":  "DROP TABLE access_token_changes",
		"a version that is missing": "DELETE FROM perimeter_schema",
		"an earlier version":        "UPDATE perimeter_schema SET version = 0",
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				_, row := create(t, db, models.NewAccessToken{Label: "kept"})
				if err := db.Exec(damage).Error; err != nil {
					t.Fatal(err)
				}
				if err := models.CheckTables(t.Context(), db); !errors.Is(err, models.ErrNoTables) {
					t.Errorf("%v, want ErrNoTables", err)
				}
				if err := models.Migrate(db); err != nil {
					t.Fatal(err)
				}
				if err := models.DeactivateAccessToken(t.Context(), db, row.ID); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestALaterVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	if err := db.Exec("UPDATE perimeter_schema SET version = 99").Error; err != nil {
		t.Fatal(err)
	}
	if err := models.Migrate(db); err != nil {
		t.Error(err)
	}
	var version int
	if db.Raw("SELECT version FROM perimeter_schema").Scan(&version); version != 99 {
		t.Errorf("version %d", version)
	}
}

func TestTablesOfSomebodyElseAreNotTouched(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		db := d.Open(t)
		if err := db.Exec("CREATE TABLE access_tokens (id int, secret int)").Error; err != nil {
			t.Fatal(err)
		}
		err := models.Migrate(db)
		if err == nil || !strings.Contains(err.Error(), "access_tokens is there already, but is not ours") {
			t.Errorf("%v", err)
		}
		if db.Migrator().HasTable("access_token_uses") {
			t.Error("other tables were made nevertheless")
		}
	})
}

type oracle struct{ gorm.Dialector }

func (oracle) Name() string { return "oracle" }

func TestOtherDatabasesAreRefusedByName(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(oracle{sqlite.Open(filepath.Join(t.TempDir(), "x.db"))}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := models.Migrate(db); err == nil || !strings.Contains(err.Error(), `no tables for "oracle"`) {
		t.Errorf("%v", err)
	}
}

func TestTheSettingsOfTheMySQLDriverAreChecked(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, "mysql")
	for name, c := range map[string]struct {
		set  func(*gomysql.Config)
		want string
	}{
		"as it should be":       {func(c *gomysql.Config) { c.ParseTime = true }, ""},
		"a zone that is as UTC": {func(c *gomysql.Config) { c.ParseTime, c.Loc = true, zone(t, "Etc/GMT") }, ""},
		"times not parsed":      {func(c *gomysql.Config) {}, "add parseTime=true"},
		"local times":           {func(c *gomysql.Config) { c.ParseTime, c.Loc = true, zone(t, "Europe/London") }, "set loc=UTC"},
	} {
		config := driverConfig(t, d.DSN)
		c.set(config)
		db, err := gorm.Open(mysql.Open(config.FormatDSN()), &gorm.Config{Logger: logger.Discard})
		if err != nil {
			t.Fatal(err)
		}
		pool, _ := db.DB()
		defer pool.Close()
		for what, err := range map[string]error{"migrate": models.Migrate(db), "check": models.CheckTables(t.Context(), db)} {
			if c.want == "" && err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if c.want != "" && (!errors.Is(err, models.ErrSettings) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %s: %v, want %q", name, what, err, c.want)
			}
		}
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	place, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

func driverConfig(t *testing.T, dsn string) *gomysql.Config {
	t.Helper()
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config := gomysql.NewConfig()
	config.User, config.DBName = address.User.Username(), strings.TrimPrefix(address.Path, "/")
	config.Passwd, _ = address.User.Password()
	config.Net, config.Addr = "tcp", address.Host
	return config
}

func TestAMySQLDriverThatCountsRowsFoundRecordsHeadersOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, "mysql")
	config := driverConfig(t, d.DSN)
	config.ParseTime, config.ClientFoundRows = true, true
	db, err := gorm.Open(mysql.Open(config.FormatDSN()), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, _ := db.DB()
	defer pool.Close()
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
	_, row := create(t, db, models.NewAccessToken{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := models.RecordHeaderUse(t.Context(), db, row, models.NewAccessTokenUse{At: noon}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := reload(t, db, row.ID); got.UseCount != 1 {
		t.Errorf("counted %d", got.UseCount)
	}
}

func TestAReadOnlyDatabaseIsReadAndSaysSo(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		db := d.Open(t)
		if err := models.Migrate(db); err != nil {
			t.Fatal(err)
		}
		token, row := create(t, db, models.NewAccessToken{})
		readOnly := dbtest.Database{Kind: d.Kind, DSN: d.DSN + map[string]string{
			"sqlite": "", "postgres": "&default_transaction_read_only=on", "mysql": "?tx_read_only=1",
		}[d.Kind]}
		var ro *gorm.DB
		if d.Kind == "sqlite" {
			ro = openSQLite(t, "file:"+strings.TrimPrefix(d.DSN, "sqlite:")+"?mode=ro&_query_only=1")
		} else {
			ro = readOnly.OpenAsTool(t)
		}
		if err := models.Migrate(ro); err != nil {
			t.Errorf("migrating what is up to date: %v", err)
		}
		if found, err := models.FindAccessToken(t.Context(), ro, token); err != nil || found.ID != row.ID {
			t.Errorf("%+v, %v", found, err)
		}
		if _, err := models.ListAccessTokens(t.Context(), ro, models.TokenFilter{Status: models.StatusLive}, models.Page{}); err != nil {
			t.Error(err)
		}
		_, err := models.RecordEntry(t.Context(), ro, row, models.NewPassRef(), models.NewAccessTokenUse{At: time.Now()})
		if err == nil || errors.Is(err, models.ErrUsedUp) || errors.Is(err, models.ErrNotFound) {
			t.Errorf("an entry: %v", err)
		}
		if err := models.DeactivateAccessToken(t.Context(), ro, row.ID); err == nil || !strings.Contains(strings.ToLower(database.Explain(err).Error()), "read-only") && !strings.Contains(database.Explain(err).Error(), "cannot be written") {
			t.Errorf("deactivate: %v", database.Explain(err))
		}
	})
}

func openSQLite(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, _ := db.DB()
	t.Cleanup(func() { pool.Close() })
	return db
}

// A host may well open SQLite with nothing but the file's name.
func TestAPlainSQLiteDSNWorks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "plain.db")
	pools := []*gorm.DB{openSQLite(t, file), openSQLite(t, file)}
	for _, db := range pools {
		if err := models.Migrate(db); err != nil {
			t.Fatal(err)
		}
	}
	_, row := create(t, pools[0], models.NewAccessToken{MaxUses: 10})
	var all sync.WaitGroup
	for i := range 24 {
		db := pools[i%2]
		all.Go(func() {
			_, err := models.RecordEntry(t.Context(), db, row, models.NewPassRef(), models.NewAccessTokenUse{At: time.Now()})
			if err != nil && !errors.Is(err, models.ErrUsedUp) {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := models.ExtendAccessToken(t.Context(), db, row.ID, time.Now().Add(time.Duration(i+1)*time.Hour)); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := models.RecordHeaderUse(t.Context(), db, row, models.NewAccessTokenUse{IP: fmt.Sprint(i), At: time.Now()}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	forms, err := models.CountAccessTokenUses(t.Context(), pools[0], models.UseFilter{})
	if got := reload(t, pools[0], row.ID); err != nil || got.Version != 25 || int64(got.UseCount) != forms {
		t.Errorf("%+v, %d uses, %v", got, forms, err)
	}
}

func TestTheHostsNamesOfTablesDoNotMatter(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, "sqlite")
	file := strings.TrimPrefix(d.DSN, "sqlite:")
	host, err := gorm.Open(sqlite.Open(file), &gorm.Config{Logger: logger.Discard, NamingStrategy: schema.NamingStrategy{TablePrefix: "app_", SingularTable: true}})
	if err != nil {
		t.Fatal(err)
	}
	pool, _ := host.DB()
	defer pool.Close()
	if err := models.Migrate(host); err != nil {
		t.Fatal(err)
	}
	token, _ := create(t, host, models.NewAccessToken{})
	if _, err := models.FindAccessToken(t.Context(), d.OpenAsTool(t), token); err != nil {
		t.Errorf("the tool does not find what the host made: %v", err)
	}
}
