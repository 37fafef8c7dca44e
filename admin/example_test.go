package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// The admin stands at the group's path with a slash at the end, and asks for
// the password before anything else.
func ExampleMount() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	db, err := gorm.Open(sqlite.Open(filepath.Join(dir, "site.db")), &gorm.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := models.Migrate(db); err != nil {
		fmt.Println(err)
		return
	}

	r := gin.New()
	err = admin.Mount(r.Group("/perimeter/admin"), admin.Config{
		DB:   db,
		Auth: gin.BasicAuth(gin.Accounts{"anna": "a long password"}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, password := range []string{"a guess", "a long password"} {
		request := httptest.NewRequest(http.MethodGet, "/perimeter/admin/", nil)
		request.SetBasicAuth("anna", password)
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, request)
		fmt.Println(answer.Code, answer.Header().Get("Cache-Control"))
	}
	// Output:
	// 401 no-store
	// 200 no-store
}

// A Config that would open the pages to everybody is refused, with all other
// mistakes in it.
func ExampleMount_mistakes() {
	err := admin.Mount(gin.New().Group("/perimeter/admin"), admin.Config{BaseURL: "example.com"})
	fmt.Println(err)
	// Output:
	// admin: Auth is nil, which would open the pages to everybody; pass gin.BasicAuth(accounts) or a middleware of your own
	// admin: DB is nil; pass the *gorm.DB that the gate uses
	// admin: BaseURL must look like https://example.com or https://example.com/prefix
}
