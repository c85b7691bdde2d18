package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/detectors"
)

// maxModelBytes bounds a model file; the shipped one has a quarter of a megabyte.
const maxModelBytes = 64 << 20

const modelEnv = "FLATWATT_MODEL"

// addModelFlag lets a command score with another model than the shipped one.
func (p *Program) addModelFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "model", p.Getenv(modelEnv), "model `file` that fit wrote, for rescore also a version of the archive or current; the default is the one in the program")
}

// loadModel reads a model file; "" is the model that ships with the program.
func loadModel(path string) (*detectors.Params, error) {
	if path == "" {
		return detectors.DefaultParams(), nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("model %s is not there; `flatwatt fit --out %s` makes one", path, path)
	}
	if err != nil {
		return nil, usagef("model: %w", err)
	}
	if info.Size() > maxModelBytes {
		return nil, dataError{fmt.Errorf("model %s: %d bytes is no model; the limit is %d", path, info.Size(), maxModelBytes)}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("model: %w", err)
	}
	params, err := detectors.ReadParams(text)
	if err != nil {
		return nil, dataError{fmt.Errorf("%s: %w", path, err)}
	}
	return params, nil
}
