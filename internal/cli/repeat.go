package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/internal/report"
)

// settle sets the flags that the user has not given, from a saved result or from a
// configuration file, and writes down what they all are.
func (f *runFlags) settle(c *cobra.Command) (repeat *repeated, err error) {
	if f.repeat != "" {
		repeat, err = f.recall(c)
	} else {
		err = f.configFlags.read(c)
	}
	if err != nil {
		return nil, err
	}
	return repeat, f.record(c)
}

// record writes down what decides a result: the flags that are not as they are by
// default, and the content of files that they name beside the three inputs.
func (f *runFlags) record(c *cobra.Command) error {
	f.flags, f.files = nil, nil
	var err error
	c.Flags().Visit(func(flag *pflag.Flag) {
		// A limit that is given selects the search that it limits.
		if aboutTheRun(flag.Name) || flag.Name == "mode" || flag.Value.String() == flag.DefValue && flag.Name != "lpf-limit" {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if f.flags == nil {
			f.flags = map[string][]string{}
		}
		f.flags[flag.Name] = values
		if namesFile(flag.Name) && isFile(values[0]) {
			var sum string
			if sum, err = checksum(values[0]); f.files == nil {
				f.files = map[string]string{}
			}
			f.files[flag.Name] = sum
		}
	})
	return err
}

func checksum(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", diag.List{{File: file, Message: "cannot read: " + reason(err)}}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// repeated is a saved result that is run again.
type repeated struct {
	file   string
	result *report.Result
	// changed are the flags that the user gave in place of those of the result.
	changed []string
}

// recall sets the flags that the user has not given to those of a saved result.
func (f *runFlags) recall(c *cobra.Command) (*repeated, error) {
	dir := f.repeat
	if filepath.Base(dir) == report.ResultName {
		dir = filepath.Dir(dir)
	}
	r, err := report.ReadSaved(dir)
	if err != nil {
		return nil, err
	}
	again := &repeated{file: filepath.Join(dir, report.ResultName), result: r}
	var problems diag.List
	if f.config != "" && f.config != noConfig {
		problems.Add(diag.Problem{Message: "--repeat and --config both say what to run", Hint: "leave one of them out"})
	}
	flags := maps.Clone(r.Inputs.Settings.Flags)
	if flags == nil {
		flags = map[string][]string{}
	}
	flags["mode"] = []string{r.Inputs.Mode}
	c.Flags().Visit(func(flag *pflag.Flag) {
		if !aboutTheRun(flag.Name) {
			again.changed = append(again.changed, flag.Name)
			delete(flags, flag.Name)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		for _, value := range flags[name] {
			if err := c.Flags().Set(name, value); err != nil {
				problems.Add(diag.Problem{File: again.file, Message: fmt.Sprintf("inputs: --%s %s cannot be repeated: %v", name, value, err),
					Hint: "the file was changed, or belongs to another version of the program"})
			}
		}
		problems = append(problems, again.present(name, flags[name][0])...)
	}
	return again, problems.Err()
}

// present makes sure that a file which a flag named is there and, if it is none of
// the three inputs, as it was.
func (a *repeated) present(flag, name string) diag.List {
	was := a.result.Inputs.Settings.Files[flag]
	looksLikeFile := was != "" || namesInput(flag) && (strings.ContainsAny(name, `/\`) || filepath.Ext(name) != "" && !strings.ContainsAny(name, ":,"))
	switch {
	case !looksLikeFile:
		return nil
	case !isFile(name):
		return diag.List{{File: a.file, Message: fmt.Sprintf("inputs: the file of --%s, %s, is not there", flag, name),
			Hint: fmt.Sprintf("say where it is now with --%s, or run this where the result was made", flag)}}
	case was == "":
		return nil
	}
	now, err := checksum(name)
	if err == nil && now != was {
		err = diag.List{{File: a.file, Message: fmt.Sprintf("inputs: the file of --%s, %s, has changed: the result was made from one with SHA-256 %s, now it has %s", flag, name, was, now),
			Hint: fmt.Sprintf("name the right one with --%s, or leave --repeat out", flag)}}
	}
	list, _ := err.(diag.List)
	return list
}

// unchanged makes sure that the inputs are those of the saved result, but for those
// that the user gave others for.
func (a *repeated) unchanged(now stream.Sources) error {
	if a == nil {
		return nil
	}
	saved := a.result.Inputs
	for _, x := range []struct {
		flag  string
		saved *report.Input
		now   string
	}{{"workload", &saved.Workload, now.Workload.SHA256}, {"hardware", &saved.Hardware, now.Hardware.SHA256}, {"mapping", &saved.Mapping, now.Mapping.SHA256}} {
		if slices.Contains(a.changed, x.flag) || x.flag == "mapping" && slices.Contains(a.changed, "hardware") {
			x.saved.SHA256 = x.now
		}
	}
	return unchanged(a.file, &saved, now)
}

// compare says whether the run has given the saved result again. With other flags
// there is nothing to compare.
func (a *repeated) compare(c *cobra.Command, results []*report.Result) error {
	if a == nil || len(a.changed) > 0 || len(results) != 1 || results[0].Search.Interrupted || a.result.Search.Interrupted || results[0].Search.TimedOut || a.result.Search.TimedOut {
		return nil
	}
	saved, now := *a.result, *results[0]
	saved.WhatIf, now.WhatIf = nil, nil // may have been asked for or not
	differences, err := report.Differences(&saved, &now)
	if err != nil {
		return err
	}
	if len(differences) == 0 {
		if quiet, _ := c.Flags().GetBool("quiet"); !quiet {
			fmt.Fprintf(c.ErrOrStderr(), "repeated %s: every figure is the same\n", a.file)
		}
		return nil
	}
	const most = 10
	for _, d := range differences[:min(most, len(differences))] {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s: was %s, is %s\n", a.file, d.Figure, d.Saved, d.Derived)
	}
	return fmt.Errorf("%s: %d figures of the repeated run differ: it was made by another version of the program, or changed", a.file, len(differences))
}
