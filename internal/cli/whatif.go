package cli

import (
	"context"

	stream "streamdse"
	"streamdse/internal/report"
)

// trials tries every change that may help against what a result spends most on.
func trials(ctx context.Context, p stream.Problem, o stream.Options, r *stream.Result) ([]report.Trial, error) {
	effects, err := stream.WhatIf(ctx, p, o, r, r.Causes(p).Changes())
	if err != nil {
		return nil, err
	}
	list := make([]report.Trial, 0, len(effects))
	for _, e := range effects {
		list = append(list, report.Trial(e))
	}
	return list, nil
}
