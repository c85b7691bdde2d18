package casework

import (
	"errors"

	"github.com/goccy/go-yaml"
)

// ReadYAML reads a configuration over what into holds already. Unknown fields are errors
// with their line; a file without any value changes nothing.
func ReadYAML(text []byte, into any) error {
	var value any
	if err := yaml.Unmarshal(text, &value); err == nil && value == nil {
		return nil // the decoder would set everything to zero
	}
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
		return errors.New(yaml.FormatError(err, false, true))
	}
	return nil
}
