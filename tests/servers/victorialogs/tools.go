//go:build tools

// Package tools names the server that scripts/server builds; go.mod and go.sum pin it and what it needs.
package tools

import _ "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs"
