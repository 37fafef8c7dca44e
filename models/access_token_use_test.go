package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

func enter(t testing.TB, db *gorm.DB, row models.AccessToken, n models.NewAccessTokenUse) models.AccessTokenUse {
	t.Helper()
	if n.At.IsZero() {
		n.At = time.Now()
	}
	use, err := models.RecordEntry(t.Context(), db, row, models.NewPassRef(), n)
	if err != nil {
		t.Fatal(err)
	}
	return use
}

func TestAnEntryIsARowAndCounts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{Label: "Acme"})
		at := time.Date(2026, 11, 22, 15, 4, 5, 123_987_654, time.FixedZone("", 2*60*60))
		ref := models.NewPassRef()
		use, err := models.RecordEntry(t.Context(), db, row, ref, models.NewAccessTokenUse{
			Name: " Anna ", Email: "Anna@Example.com", IP: "2001:db8::1", UserAgent: "Browser", At: at,
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := models.FindPass(t.Context(), db, ref)
		if err != nil || found.ID != use.ID {
			t.Fatalf("%+v, %v", found, err)
		}
		if found.Name != "Anna" || found.Email != "Anna@Example.com" || found.EmailKey != "anna@example.com" || found.IP != "2001:db8::1" ||
			found.Channel != models.ChannelForm || found.TokenLabel != "Acme" || found.TokenID != row.ID || found.TokenCheck != row.Check() ||
			found.LastSeenAt != nil || found.EndedAt != nil {
			t.Errorf("%+v", found)
		}
		if want := at.Truncate(time.Millisecond); !found.At.Equal(want) || !use.At.Equal(want) {
			t.Errorf("at %v and %v, want %v", use.At, found.At, want)
		}
		if got := reload(t, db, row.ID); got.UseCount != 1 || got.Version != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnEntryIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, deactivated := create(t, db, models.NewAccessToken{})
		if err := models.DeactivateAccessToken(t.Context(), db, deactivated.ID); err != nil {
			t.Fatal(err)
		}
		_, expired := create(t, db, models.NewAccessToken{ExpiresAt: time.Now().Add(time.Hour)})
		_, usedUp := create(t, db, models.NewAccessToken{MaxUses: 1})
		enter(t, db, usedUp, models.NewAccessTokenUse{})
		_, gone := create(t, db, models.NewAccessToken{})
		if err := models.DeleteAccessToken(t.Context(), db, gone.ID); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			row  models.AccessToken
			at   time.Time
			want error
		}{
			{deactivated, time.Now(), models.ErrDeactivated},
			{expired, *expired.ExpiresAt, models.ErrExpired},
			{expired, expired.ExpiresAt.Add(time.Hour), models.ErrExpired},
			{usedUp, time.Now(), models.ErrUsedUp},
			{gone, time.Now(), models.ErrNotFound},
		} {
			if _, err := models.RecordEntry(t.Context(), db, c.row, models.NewPassRef(), models.NewAccessTokenUse{At: c.at}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		}
		enter(t, db, expired, models.NewAccessTokenUse{At: expired.ExpiresAt.Add(-time.Millisecond)})
		if n, err := models.CountAccessTokenUses(t.Context(), db, models.UseFilter{}); err != nil || n != 2 {
			t.Errorf("%d uses, %v; want those of the used-up and the expired one", n, err)
		}
	})
}

func TestAPassRefIsUsedOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{MaxUses: 2})
		ref := models.NewPassRef()
		for i := range 2 {
			_, err := models.RecordEntry(t.Context(), db, row, ref, models.NewAccessTokenUse{At: time.Now()})
			if (err == nil) != (i == 0) {
				t.Errorf("entry %d: %v", i, err)
			}
		}
		if got := reload(t, db, row.ID); got.UseCount != 1 {
			t.Errorf("counted %d: the entry that failed must not count", got.UseCount)
		}
	})
}

func TestMaxUsesHoldsForAnyNumberAtOnceInAnyNumberOfProcesses(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		pools := []*gorm.DB{d.Open(t), d.Open(t), d.OpenAsTool(t)}
		if err := models.Migrate(pools[0]); err != nil {
			t.Fatal(err)
		}
		const allowed, tries = 7, 60
		_, row := create(t, pools[0], models.NewAccessToken{MaxUses: allowed})
		var entered, refused atomic.Int32
		var all sync.WaitGroup
		for i := range tries {
			all.Go(func() {
				_, err := models.RecordEntry(t.Context(), pools[i%len(pools)], row, models.NewPassRef(), models.NewAccessTokenUse{At: time.Now()})
				switch {
				case err == nil:
					entered.Add(1)
				case errors.Is(err, models.ErrUsedUp):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		n, err := models.CountAccessTokenUses(t.Context(), pools[0], models.UseFilter{TokenID: row.ID})
		if entered.Load() != allowed || refused.Load() != tries-allowed || n != allowed || err != nil {
			t.Errorf("%d entered, %d were refused, %d rows, %v", entered.Load(), refused.Load(), n, err)
		}
		if got := reload(t, pools[0], row.ID); got.UseCount != allowed {
			t.Errorf("counted %d", got.UseCount)
		}
	})
}

func TestAHeaderUseIsOneRowPerTokenAddressAndHour(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		pools := []*gorm.DB{d.Open(t), d.OpenAsTool(t)}
		if err := models.Migrate(pools[0]); err != nil {
			t.Fatal(err)
		}
		_, row := create(t, pools[0], models.NewAccessToken{})
		_, other := create(t, pools[0], models.NewAccessToken{})
		hour := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
		var all sync.WaitGroup
		for i := range 24 {
			all.Go(func() {
				err := models.RecordHeaderUse(t.Context(), pools[i%2], row, models.NewAccessTokenUse{IP: "192.0.2.1", At: hour.Add(time.Duration(i) * time.Minute)})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n, err := models.CountAccessTokenUses(t.Context(), pools[0], models.UseFilter{}); n != 1 || err != nil {
			t.Fatalf("%d rows, %v; want 1", n, err)
		}
		for i, c := range []struct {
			row models.AccessToken
			n   models.NewAccessTokenUse
		}{
			{row, models.NewAccessTokenUse{IP: "192.0.2.1", At: hour.Add(time.Hour)}},
			{row, models.NewAccessTokenUse{IP: "192.0.2.2", At: hour}},
			{other, models.NewAccessTokenUse{IP: "192.0.2.1", At: hour}},
		} {
			for range 2 {
				for _, db := range pools {
					if err := models.RecordHeaderUse(t.Context(), db, c.row, c.n); err != nil {
						t.Error(err)
					}
				}
			}
			if n, _ := models.CountAccessTokenUses(t.Context(), pools[0], models.UseFilter{}); n != int64(i+2) {
				t.Errorf("%d rows, want %d", n, i+2)
			}
		}
		if got := reload(t, pools[0], row.ID); got.UseCount != 3 {
			t.Errorf("counted %d, want 3", got.UseCount)
		}
		list, err := models.ListAccessTokenUses(t.Context(), pools[0], models.UseFilter{}, models.Page{})
		if err != nil || list.Rows[0].Channel != models.ChannelHeader {
			t.Fatalf("%+v, %v", list, err)
		}
		if _, err := models.FindPass(t.Context(), pools[0], list.Rows[0].Ref); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a header's use is taken for a pass: %v", err)
		}
	})
}

func TestPassRefs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		use := enter(t, db, row, models.NewAccessTokenUse{})
		if len(use.Ref) != 22 || use.Ref == models.NewPassRef() {
			t.Errorf("ref %q", use.Ref)
		}
		flip := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z':
				return r - 'a' + 'A'
			case r >= 'A' && r <= 'Z':
				return r - 'A' + 'a'
			}
			return r
		}, use.Ref)
		for _, ref := range []string{"", " ", use.Ref + " ", flip, use.Ref[:21], "\x00", "\xff\xfe", "ä", strings.Repeat("x", 5000), "' OR 1=1 --"} {
			if _, err := models.FindPass(t.Context(), db, ref); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("%q: %v, want ErrNotFound", ref, err)
			}
		}
	})
}

func TestEndingAPass(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		use, other := enter(t, db, row, models.NewAccessTokenUse{}), enter(t, db, row, models.NewAccessTokenUse{})
		since := time.Now().Add(-time.Second)
		generation := models.Generation()
		if err := models.EndAccessTokenUse(t.Context(), db, use.ID); err != nil {
			t.Fatal(err)
		}
		if models.Generation() == generation {
			t.Error("caches are not told")
		}
		first, err := models.GetAccessTokenUse(t.Context(), db, use.ID)
		if err != nil || first.EndedAt == nil {
			t.Fatalf("%+v, %v", first, err)
		}
		if err := models.EndAccessTokenUse(t.Context(), db, use.ID); err != nil {
			t.Errorf("again: %v", err)
		}
		if again, _ := models.GetAccessTokenUse(t.Context(), db, use.ID); !again.EndedAt.Equal(*first.EndedAt) {
			t.Errorf("ended again at %v", again.EndedAt)
		}
		if ids, err := models.ListEndedUses(t.Context(), db, since); err != nil || !slices.Equal(ids, []uint{use.ID}) {
			t.Errorf("ended %v, %v", ids, err)
		}
		if ids, err := models.ListEndedUses(t.Context(), db, time.Now().Add(time.Minute)); err != nil || len(ids) != 0 {
			t.Errorf("ended in future %v, %v", ids, err)
		}
		at := time.Now().UTC().Truncate(time.Millisecond)
		if err := models.MarkUsesSeen(t.Context(), db, []uint{use.ID, other.ID, 99}, at); err != nil {
			t.Fatal(err)
		}
		if got, _ := models.GetAccessTokenUse(t.Context(), db, other.ID); got.LastSeenAt == nil || !got.LastSeenAt.Equal(at) || got.EndedAt != nil {
			t.Errorf("seen %+v", got)
		}
	})
}

func TestUsesOfADeletedTokenStay(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	_, row := create(t, db, models.NewAccessToken{Label: "Acme"})
	use := enter(t, db, row, models.NewAccessTokenUse{Name: "Anna"})
	if err := models.DeleteAccessToken(t.Context(), db, row.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := models.GetAccessTokenUse(t.Context(), db, use.ID); err != nil || got.TokenLabel != "Acme" || got.Name != "Anna" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAllUsesOfManyVisitorsAtOnceAreWritten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if _, err := models.RecordEntry(t.Context(), db, row, models.NewPassRef(), models.NewAccessTokenUse{Name: fmt.Sprint(i), At: time.Now()}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		n, err := models.CountAccessTokenUses(t.Context(), db, models.UseFilter{})
		if got := reload(t, db, row.ID); n != 50 || err != nil || got.UseCount != 50 {
			t.Errorf("%d rows, %v, counted %d", n, err, got.UseCount)
		}
	})
}
