// Logs the lines of stdin through slog into lumberjack.
package main

import (
	"bufio"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

func main() {
	// MaxSize is in MB and at least one, so it is told to rotate, as a program does on SIGHUP.
	file := &lumberjack.Logger{Filename: filepath.Join(os.Getenv("LOGS"), "app.log"), Compress: os.Args[1] == "gzip"}
	var handler slog.Handler = slog.NewJSONHandler(file, nil)
	if os.Args[1] == "text" {
		handler = slog.NewTextHandler(file, nil)
	}
	log := slog.New(handler)
	lines := bufio.NewScanner(os.Stdin)
	for count := 1; lines.Scan(); count++ {
		level, text, _ := strings.Cut(lines.Text(), " ")
		switch level {
		case "warn":
			log.Warn(text, "order", 4711)
		case "error", "trace":
			log.Error(text, "err", "no such order")
		default:
			log.Info(text, "order", 4711)
		}
		if count%200 == 0 {
			// Its names tell milliseconds: within one it would overwrite what it has just rotated.
			time.Sleep(2 * time.Millisecond)
			if err := file.Rotate(); err != nil {
				panic(err)
			}
		}
	}
	if err := file.Close(); err != nil {
		panic(err)
	}
}
