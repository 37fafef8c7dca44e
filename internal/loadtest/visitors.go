package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

//go:embed cookies.lua
var cookiesScript string

// enter writes entries as the gateway does, many at once, and answers the
// references of their passes.
func enter(ctx context.Context, db *gorm.DB, row models.AccessToken, n int) ([]string, error) {
	uses := make([]models.AccessTokenUse, n)
	refs := make([]string, n)
	for i := range uses {
		refs[i] = models.NewPassRef()
		uses[i] = models.AccessTokenUse{
			Ref: refs[i], TokenID: row.ID, TokenCheck: row.Check(), TokenLabel: row.Label,
			Name: "Ada Lovelace", Email: fmt.Sprintf("ada%d@example.com", i), IP: "192.0.2.1",
			UserAgent: "wrk", Channel: models.ChannelForm, At: time.Now().UTC(),
		}
	}
	return refs, db.WithContext(ctx).CreateInBatches(uses, 1000).Error
}

// saveSessions gives each pass a session and answers their cookies.
func saveSessions(kind string, refs []string) ([]string, error) {
	store, err := openStore(kind)
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(sessions.Sessions(sessionName, store))
	var ref string
	var failed error
	r.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set(sessionKey, ref)
		failed = errors.Join(failed, session.Save())
	})
	cookies := make([]string, 0, len(refs))
	for _, ref = range refs {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
		cookies = append(cookies, cookie)
	}
	return cookies, failed
}

// writeScript writes what wrk runs: it sends the cookies in turn.
func writeScript(dir, name string, cookies []string) (string, error) {
	list := filepath.Join(dir, name+".cookies")
	if err := os.WriteFile(list, []byte(strings.Join(cookies, "\n")+"\n"), 0o600); err != nil {
		return "", err
	}
	authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte("preview:"+password))
	script := fmt.Sprintf("local list, authorization = %q, %q\n%s", list, authorization, cookiesScript)
	path := filepath.Join(dir, name+".lua")
	return path, os.WriteFile(path, []byte(script), 0o600)
}
