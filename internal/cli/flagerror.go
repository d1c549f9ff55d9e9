package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"streamdse/internal/diag"
)

// flagError says in the user's words what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	p := diag.Problem{Message: err.Error(), Hint: fmt.Sprintf("`%s --help` lists the flags", c.CommandPath())}
	var value *pflag.InvalidValueError
	var absent *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &value):
		f := value.GetFlag()
		p.Message = fmt.Sprintf("--%s cannot be %q", f.Name, value.GetValue())
		p.Allowed = valueOf(f)
		p.Hint = usageOf(f)
	case errors.As(err, &absent):
		f := absent.GetFlag()
		p.Message = fmt.Sprintf("--%s has no value", f.Name)
		p.Allowed = valueOf(f)
		p.Hint = usageOf(f)
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		p.Message = "unknown flag: --" + name
		if shorthand := unknown.GetSpecifiedShortnames(); shorthand != "" {
			p.Message = "unknown flag: -" + shorthand
		}
		if name == "version" || name == "v" || name == "V" {
			p.Hint = "`stream version` prints the version"
			break
		}
		var flags []string
		c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		if near := diag.Nearest(name, flags); near != "" {
			p.Hint = fmt.Sprintf("did you mean --%s?", near)
		}
	}
	return diag.List{p}
}

// valueOf describes the values of a flag's type.
func valueOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int64":
		return "a whole number"
	case "uint64":
		return "a whole number, 0 or more"
	case "float64":
		return "a number"
	case "bool":
		return "true, false"
	}
	return ""
}

// usageOf is a flag's line of help without the marks for its argument.
func usageOf(f *pflag.Flag) string {
	return fmt.Sprintf("--%s: %s", f.Name, strings.ReplaceAll(f.Usage, "`", ""))
}
