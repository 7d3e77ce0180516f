package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The table in README.md stands between these.
const (
	tableBegin = "<!-- make bench-peers writes from here -->\n"
	tableEnd   = "<!-- to here -->\n"
)

// table reports all contenders, each beside ours on its world.
func table(p plan, contenders []*contender) string {
	versions := versions()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s/%s, GOMAXPROCS %d. %d interleaved rounds, each with questions of its own.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), p.rounds)
	var own *contender
	b.WriteString(busy(contenders[0]))
	for _, c := range contenders {
		if c.engine.name == ours {
			own = c
			_, share, _ := spread(c.rounds, allowed)
			fmt.Fprintf(&b, "\n%d spaces, %d actors, %d bindings; %.0f %% of the answers allow:\n\n"+
				"| Engine | Version | ns a decision: median | least | most | times ours | CPU ns | allocations | questions a round | load | memory |\n"+
				"| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
				c.Spaces, c.Actors, c.Bindings, 100*share)
		}
		least, median, most := spread(c.rounds, decision)
		_, beside, _ := spread(own.rounds, decision)
		_, used, _ := spread(c.rounds, cpuTime)
		_, allocs, _ := spread(c.rounds, func(m measured) float64 { return m.Allocs })
		fmt.Fprintf(&b, "| %s | %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %d | %s | %d MiB |\n",
			c.engine.name, versions[c.engine.module], median, least, most, median/beside, used, allocs,
			c.Questions, c.Load.Round(10*time.Millisecond), c.Heap>>20)
	}
	return b.String()
}

// busy warns where a single goroutine of ours, which waits for nothing, got
// much less than a processor.
func busy(own *contender) string {
	_, took, _ := spread(own.rounds, decision)
	_, used, _ := spread(own.rounds, cpuTime)
	if took == 0 || used/took > 0.9 {
		return ""
	}
	return fmt.Sprintf("\n**The machine was busy with other work**: what should have had a core to itself got %.0f %% of one. "+
		"Such figures are too high, most of all the small ones, and the ratios too low.\n", 100*used/took)
}

func decision(m measured) float64 { return float64(m.Decision) }

func cpuTime(m measured) float64 { return float64(m.CPU) }

func allowed(m measured) float64 { return m.Allowed }

// spread returns the least, the median and the most of a figure over rounds.
func spread(rounds []measured, of func(measured) float64) (least, median, most float64) {
	var list []float64
	for _, m := range rounds {
		list = append(list, of(m))
	}
	slices.Sort(list)
	return list[0], (list[(len(list)-1)/2] + list[len(list)/2]) / 2, list[len(list)-1]
}

// versions tells the version of every module in this binary.
func versions() map[string]string {
	found := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			found[m.Path] = m.Version
		}
	}
	return found
}

// replace puts the table between its markers.
func replace(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), tableBegin)
	_, tail, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		return fmt.Errorf("%s: no place for the table", path)
	}
	return os.WriteFile(path, []byte(head+tableBegin+"\n"+text+"\n"+tableEnd+tail), 0o600)
}
