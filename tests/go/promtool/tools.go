//go:build tools

// Package tools names the program that scripts/go-tool builds; go.mod and go.sum pin it and what it needs.
package tools

import _ "github.com/prometheus/prometheus/cmd/promtool"
