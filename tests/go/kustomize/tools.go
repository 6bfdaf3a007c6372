//go:build tools

// Package tools names the program that scripts/go-tool builds; go.mod and go.sum pin it and what it needs.
package tools

import _ "sigs.k8s.io/kustomize/kustomize/v5"
