package database

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// slow is how long a statement may take without being noted.
const slow = 2 * time.Second

// quietLogger is GORM's log: warnings and slow statements go to slog. Errors
// are returned to callers, who know whether they matter. No statement's
// parameters are ever printed: there are names among them.
type quietLogger struct{}

func (quietLogger) LogMode(logger.LogLevel) logger.Interface { return quietLogger{} }

func (quietLogger) Info(context.Context, string, ...any) {}

func (quietLogger) Warn(ctx context.Context, format string, args ...any) {
	slog.WarnContext(ctx, "database: "+fmt.Sprintf(format, args...))
}

func (quietLogger) Error(context.Context, string, ...any) {}

func (quietLogger) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	took := time.Since(begin)
	if took < slow {
		return
	}
	text, rows := statement()
	slog.WarnContext(ctx, "database: slow statement", "statement", text, "took", took, "rows", rows)
}

// ParamsFilter keeps the parameters out of the statement that Trace is given.
func (quietLogger) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return statement, nil
}
