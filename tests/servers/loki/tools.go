//go:build tools

// Package tools names the server that scripts/server builds; go.mod pins it and what it needs.
package tools

import _ "github.com/grafana/loki/v3/cmd/loki"
