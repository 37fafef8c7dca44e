package models_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

func create(t testing.TB, db *gorm.DB, n models.NewAccessToken) (string, models.AccessToken) {
	t.Helper()
	token, row, err := models.CreateAccessToken(t.Context(), db, n)
	if err != nil {
		t.Fatal(err)
	}
	return token, row
}

func reload(t testing.TB, db *gorm.DB, id uint) models.AccessToken {
	t.Helper()
	row, err := models.GetAccessToken(t.Context(), db, id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestCreateAndFind(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx := models.WithActor(t.Context(), "admin")
		token, row, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{Label: "  Acme\tpreview "})
		if err != nil {
			t.Fatal(err)
		}
		if row.ID == 0 || row.Label != "Acme preview" || row.CreatedBy != "admin" || row.Version != 1 || row.MaxUses != 0 {
			t.Errorf("created %+v", row)
		}
		if life := time.Until(*row.ExpiresAt).Round(time.Minute); life != 7*24*time.Hour {
			t.Errorf("lives %v, want 7 days", life)
		}
		if !strings.HasSuffix(strings.ReplaceAll(token, "-", ""), row.Hint) || len(row.Hint) != 4 {
			t.Errorf("hint %q of %q", row.Hint, token)
		}
		for _, text := range []string{token, strings.ToLower(token), " " + strings.ReplaceAll(token, "-", "") + "\n"} {
			found, err := models.FindAccessToken(ctx, db, text)
			if err != nil || found.ID != row.ID || !found.ExpiresAt.Equal(*row.ExpiresAt) || !found.CreatedAt.Equal(row.CreatedAt) {
				t.Errorf("%q finds %+v, %v\nwant %+v", text, found, err, row)
			}
		}
		for _, text := range []string{"", "nothing like that", models.GenerateToken(), token[:28] + "-", "\x00", "\xff", "'; DROP TABLE access_tokens; --"} {
			if _, err := models.FindAccessToken(ctx, db, text); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("%q: %v, want ErrNotFound", text, err)
			}
		}
	})
}

func TestCustomTokensDifferInCaseAndSpaceOnEveryDatabase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		texts := []string{"correct horse", "Correct horse", "correct  horse", "córrect horse", "correct horsé"}
		for _, text := range texts {
			token, row := create(t, db, models.NewAccessToken{Token: text, ExpiresAt: models.Never})
			if token != text || row.Hint != "" || row.ExpiresAt != nil {
				t.Errorf("%q: %q, %+v", text, token, row)
			}
		}
		for i, text := range texts {
			found, err := models.FindAccessToken(t.Context(), db, text+" ")
			if err != nil || int(found.ID) != i+1 {
				t.Errorf("%q finds %d, %v", text, found.ID, err)
			}
			_, _, err = models.CreateAccessToken(t.Context(), db, models.NewAccessToken{Token: " " + text})
			var exists *models.TokenExistsError
			if !errors.As(err, &exists) || exists.ID != found.ID || !strings.Contains(err.Error(), "extend") {
				t.Errorf("%q again: %v", text, err)
			}
			if strings.Contains(err.Error(), text) {
				t.Errorf("the error tells the token: %v", err)
			}
		}
		if n, _ := models.CountAccessTokens(t.Context(), db, models.TokenFilter{}); n != int64(len(texts)) {
			t.Errorf("%d tokens", n)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	for _, c := range []struct {
		name  string
		token models.NewAccessToken
		field string
	}{
		{"a short custom token", models.NewAccessToken{Token: "elevenchars"}, "token"},
		{"digits alone", models.NewAccessToken{Token: "123456789012345"}, "token"},
		{"a blank token", models.NewAccessToken{Token: " \t"}, "token"},
		{"a token that is too long", models.NewAccessToken{Token: strings.Repeat("x", 257)}, "token"},
		{"a NUL byte in the token", models.NewAccessToken{Token: "correct\x00horse"}, "token"},
		{"a token that is not UTF-8", models.NewAccessToken{Token: "correct\xffhorse"}, "token"},
		{"the shape of generated ones", models.NewAccessToken{Token: whole(t)}, "token"},
		{"nearly the shape of generated ones", models.NewAccessToken{Token: "ABCD-EFGH-JKMN-PQRS-TUVW-XYZ2"}, "token"},
		{"a label that is too long", models.NewAccessToken{Label: strings.Repeat("ä", 201)}, "label"},
		{"an expiry in the past", models.NewAccessToken{ExpiresAt: time.Now().Add(-time.Second)}, "expires"},
		{"an expiry now", models.NewAccessToken{ExpiresAt: time.Now()}, "expires"},
		{"negative max uses", models.NewAccessToken{MaxUses: -1}, "max uses"},
		{"huge max uses", models.NewAccessToken{MaxUses: 1<<30 + 1}, "max uses"},
		{"a name without address", models.NewAccessToken{ForName: "Anna"}, "issued to"},
		{"an address without name", models.NewAccessToken{ForEmail: "anna@example.com"}, "issued to"},
		{"a wrong address", models.NewAccessToken{ForName: "Anna", ForEmail: "anna"}, "issued to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, row, err := models.CreateAccessToken(t.Context(), db, c.token)
			var invalid *models.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != c.field || token != "" || row.ID != 0 {
				t.Errorf("got %q, %+v, %v; want an error of %q", token, row, err, c.field)
			}
		})
	}
	for _, n := range []models.NewAccessToken{{Token: "twelve chars"}, {Label: strings.Repeat("ä", 200)}, {MaxUses: 1 << 30}, {Token: "12345678901a"}} {
		create(t, db, n)
	}
	if n, _ := models.CountAccessTokens(t.Context(), db, models.TokenFilter{}); n != 4 {
		t.Errorf("%d tokens", n)
	}
}

func TestNothingOnDiskHoldsTheToken(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, "sqlite")
	db := d.Open(t)
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
	token, row := create(t, db, models.NewAccessToken{Label: "marker of the label"})
	custom, _ := create(t, db, models.NewAccessToken{Token: "correct horse battery"})
	if _, err := models.RecordEntry(t.Context(), db, row, models.NewPassRef(), models.NewAccessTokenUse{Name: "Anna", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := models.RecordHeaderUse(t.Context(), db, row, models.NewAccessTokenUse{At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := models.DeactivateAccessToken(t.Context(), db, row.ID); err != nil {
		t.Fatal(err)
	}
	file := strings.TrimPrefix(d.DSN, "sqlite:")
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v; want the database and its log", files, err)
	}
	var disk []byte
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		disk = append(disk, content...)
	}
	text := strings.ToUpper(string(disk))
	if !strings.Contains(text, "MARKER OF THE LABEL") {
		t.Fatal("the label is not found either: the test reads the wrong files")
	}
	compact := strings.ReplaceAll(token, "-", "")
	for _, secret := range []string{token, compact, compact[:12], compact[8:20], custom} {
		if strings.Contains(text, strings.ToUpper(secret)) {
			t.Errorf("%q is on disk", secret)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	past, future := noon.Add(-time.Second), noon.Add(time.Second)
	for _, c := range []struct {
		name   string
		token  models.AccessToken
		status models.Status
		live   bool
		admits error
	}{
		{"never expires", models.AccessToken{}, models.StatusLive, true, nil},
		{"expires later", models.AccessToken{ExpiresAt: &future}, models.StatusLive, true, nil},
		{"expires this moment", models.AccessToken{ExpiresAt: &noon}, models.StatusExpired, false, models.ErrExpired},
		{"expired", models.AccessToken{ExpiresAt: &past}, models.StatusExpired, false, models.ErrExpired},
		{"deactivated", models.AccessToken{DeactivatedAt: &past}, models.StatusDeactivated, false, models.ErrDeactivated},
		{"deactivated and expired", models.AccessToken{DeactivatedAt: &past, ExpiresAt: &past}, models.StatusDeactivated, false, models.ErrDeactivated},
		{"a use left", models.AccessToken{MaxUses: 2, UseCount: 1}, models.StatusLive, true, nil},
		{"used up", models.AccessToken{MaxUses: 2, UseCount: 2}, models.StatusUsedUp, true, models.ErrUsedUp},
		{"used more than allowed now", models.AccessToken{MaxUses: 2, UseCount: 5}, models.StatusUsedUp, true, models.ErrUsedUp},
		{"used up and expired", models.AccessToken{MaxUses: 2, UseCount: 2, ExpiresAt: &past}, models.StatusExpired, false, models.ErrExpired},
	} {
		if got := c.token.Status(noon); got != c.status || c.token.Live(noon) != c.live || c.token.Admits(noon) != c.admits {
			t.Errorf("%s: %s, live %v, admits %v", c.name, got, c.token.Live(noon), c.token.Admits(noon))
		}
	}
}

func TestGetAccessTokensOfAnyNumber(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		_, other := create(t, db, models.NewAccessToken{})
		ids := []uint{row.ID}
		for i := range uint(70_000) { // more than a statement may name
			ids = append(ids, other.ID+1+i)
		}
		ids = append(ids, other.ID)
		rows, err := models.GetAccessTokens(t.Context(), db, ids)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if rows, err := models.GetAccessTokens(t.Context(), db, nil); err != nil || len(rows) != 0 {
			t.Errorf("no IDs: %v, %v", rows, err)
		}
		if _, err := models.GetAccessToken(t.Context(), db, 99); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("missing: %v", err)
		}
	})
}

func TestTextsOfStrangersAreStorableEverywhere(t *testing.T) {
	t.Parallel()
	hostile := map[string]string{
		"a NUL byte":              "An\x00na",
		"not UTF-8":               "An\xffna\xc3",
		"an emoji":                "Anna 🦊",
		"a cut emoji":             "Anna \xf0\x9f",
		"terminal escapes":        "Anna\x1b[2J\u009b",
		"line ends":               "Anna\r\nSet-Cookie: x",
		"right to left":           "Anna \u202egnp.exe",
		"quotes and backslashes":  `An'n"a\`,
		"wildcards":               "%_!",
		"too long":                strings.Repeat("x", 10_000),
		"too long, in emoji":      strings.Repeat("🦊", 10_000),
		"too long, cut in a rune": strings.Repeat("x", 799) + "🦊🦊",
		"white space only":        " \t\u2028 ",
	}
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		for name, text := range hostile {
			use, err := models.RecordEntry(t.Context(), db, row, models.NewPassRef(), models.NewAccessTokenUse{
				Name: text, Email: text, IP: text, UserAgent: text, At: time.Now(),
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			stored, err := models.GetAccessTokenUse(t.Context(), db, use.ID)
			if err != nil || stored.Name != use.Name || stored.Email != use.Email || stored.UserAgent != use.UserAgent || stored.IP != use.IP {
				t.Errorf("%s: wrote %+v\nread %+v, %v", name, use, stored, err)
			}
			if strings.ContainsAny(stored.UserAgent, "\x00\r\n\x1b\u009b\u202e\u2028") || len([]rune(stored.UserAgent)) > 512 {
				t.Errorf("%s: not cleaned: %q", name, stored.UserAgent)
			}
			n, err := models.CountPerson(t.Context(), db, text)
			if err != nil || (use.Email != "" && n == 0) {
				t.Errorf("%s: found %d times, %v", name, n, err)
			}
			if _, err := models.ListAccessTokenUses(t.Context(), db, models.UseFilter{Person: text, IP: text}, models.Page{}); err != nil {
				t.Errorf("%s: searching: %v", name, err)
			}
			if _, err := models.ListAccessTokens(t.Context(), db, models.TokenFilter{Search: text}, models.Page{}); err != nil {
				t.Errorf("%s: searching tokens: %v", name, err)
			}
			label := string([]rune(strings.ToValidUTF8(text, "?"))[:min(200, len([]rune(text)))])
			if _, _, err := models.CreateAccessToken(models.WithActor(t.Context(), text), db, models.NewAccessToken{Label: label, CreatedBy: text}); err != nil {
				t.Errorf("%s: as a label: %v", name, err)
			}
		}
	})
}

func TestTokensOfOnePersonAreTold(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	_, row := create(t, db, models.NewAccessToken{ForName: "Anna", ForEmail: "Anna@Example.com"})
	if !row.Issued() || (models.AccessToken{}).Issued() {
		t.Error("Issued is wrong")
	}
	use, err := models.RecordEntry(t.Context(), db, row, models.NewPassRef(), models.NewAccessTokenUse{Name: "Bob", Email: "bob@example.com", At: time.Now()})
	if err != nil || use.Name != "Anna" || use.Email != "Anna@Example.com" || use.EmailKey != "anna@example.com" {
		t.Errorf("%+v, %v", use, err)
	}
}

func TestNewRowsDoNotTakeTheIDsOfDeletedOnes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		var ids []uint
		for range 3 {
			_, row := create(t, db, models.NewAccessToken{})
			if slices.Contains(ids, row.ID) {
				t.Errorf("ID %d came again", row.ID)
			}
			ids = append(ids, row.ID)
			if err := models.DeleteAccessToken(t.Context(), db, row.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestErrorsOfADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	_, row := create(t, db, models.NewAccessToken{})
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	ctx, at := t.Context(), models.NewAccessTokenUse{At: time.Now()}
	_, _, errCreate := models.CreateAccessToken(ctx, db, models.NewAccessToken{})
	_, errFind := models.FindAccessToken(ctx, db, whole(t))
	_, errMany := models.GetAccessTokens(ctx, db, []uint{1})
	_, errEntry := models.RecordEntry(ctx, db, row, models.NewPassRef(), at)
	_, errPass := models.FindPass(ctx, db, models.NewPassRef())
	_, errEnded := models.ListEndedUses(ctx, db, time.Now())
	_, errPurge := models.PurgeAccessTokenUses(ctx, db, time.Now(), nil)
	_, errForget := models.ForgetPerson(ctx, db, "anna@example.com")
	_, errList := models.ListAccessTokens(ctx, db, models.TokenFilter{}, models.Page{})
	_, errSearch := models.ListAccessTokens(ctx, db, models.TokenFilter{Search: "a"}, models.Page{Before: 1})
	_, _, errExpiry := models.ListAccessTokensByExpiry(ctx, db, models.TokenFilter{}, nil, 0)
	_, errStats := models.CountTokensByState(ctx, db, time.Now(), time.Now(), 10)
	_, errBetween := models.CountUsesBetween(ctx, db, []time.Time{noon, noon.Add(time.Hour)})
	for what, err := range map[string]error{
		"create": errCreate, "find": errFind, "get many": errMany, "entry": errEntry, "pass": errPass, "ended": errEnded,
		"purge": errPurge, "forget": errForget, "list": errList, "search": errSearch, "by expiry": errExpiry, "stats": errStats, "between": errBetween,
		"header": models.RecordHeaderUse(ctx, db, row, at), "end": models.EndAccessTokenUse(ctx, db, 1), "seen": models.MarkUsesSeen(ctx, db, []uint{1}, noon),
		"deactivate": models.DeactivateAccessToken(ctx, db, 1), "delete": models.DeleteAccessToken(ctx, db, 1),
		"tables": models.CheckTables(ctx, db), "migrate": models.Migrate(db),
		"each": models.EachAccessTokenUse(ctx, db, models.UseFilter{}, func(models.AccessTokenUse) error { return nil }),
	} {
		if err == nil || errors.Is(err, models.ErrNotFound) || errors.Is(err, models.ErrNoTables) {
			t.Errorf("%s: %v; an answer like this must not come from a database that is away", what, err)
		}
	}
}
