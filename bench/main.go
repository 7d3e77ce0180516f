// Command bench measures Airlock's decision core beside other engines, all in
// process, on the same world and the same questions, in interleaved rounds.
// Every answer is compared with a naive evaluator; a difference fails the run.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// plan is how much is measured.
type plan struct {
	large, small int           // spaces
	rounds       int           // of every contender, in turn
	slice        time.Duration // of one contender in one round, about
}

var (
	full  = plan{large: 100_000, small: 2_000, rounds: 9, slice: time.Second / 2}
	short = plan{large: 1_000, small: 200, rounds: 3, slice: 100 * time.Millisecond}
)

func main() {
	quick := flag.Bool("short", false, "small worlds and few rounds: a test of the benchmark, not a measurement")
	into := flag.String("write", "", "replace the table in this `file`")
	name := flag.String("engine", "", "serve rounds of this engine on standard input and output (used by the command itself)")
	spaces := flag.Int("spaces", 0, "size of that engine's world")
	slice := flag.Duration("slice", time.Second, "about how long that engine's rounds take")
	flag.Parse()
	p := full
	if *quick {
		p = short
	}
	var err error
	if *name != "" {
		err = serve(*name, *spaces, *slice)
	} else {
		err = compare(p, *into)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// compare starts a process for each contender, so that none pays for the
// memory of another, lets them take turns, and reports.
func compare(p plan, into string) error {
	var contenders []*contender
	for _, small := range []bool{false, true} {
		for _, e := range engines {
			if e.small != small && e.name != ours {
				continue
			}
			size := p.large
			if small {
				size = p.small
			}
			fmt.Fprintf(os.Stderr, "loading %s, %d spaces\n", e.name, size)
			c, err := start(e, size, p.slice)
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			defer func() { _ = c.stop() }()
			contenders = append(contenders, c)
		}
	}
	for i := range p.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, p.rounds)
		for _, c := range contenders {
			if err := c.round(uint64(i)); err != nil {
				return fmt.Errorf("%s: %w", c.engine.name, err)
			}
		}
	}
	text := table(p, contenders)
	fmt.Print(text)
	if into == "" {
		return nil
	}
	return replace(into, text)
}
