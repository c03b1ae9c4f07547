// Command robfig answers, line by line, when robfig/cron v3 fires: the library that Kubernetes' CronJob controller uses.
//
// Reads a question {"schedule", "zone", "start", "until", "count"} per line, with start and until in Unix seconds, and writes
// an answer {"times"} with up to count fire times after start and up to until, or {"error"} where the library refuses.
// Where the library goes back in time, or doesn't come back within the seconds of a question's {"patience"} (0 for any
// time), the answer ends there and says {"lost": true}.
// The schedule is given the zone as the controller does it (formatSchedule in pkg/controller/cronjob/utils.go).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/robfig/cron/v3"
)

type question struct {
	Schedule string `json:"schedule"`
	Zone     string `json:"zone"`
	Start    int64  `json:"start"`
	Until    int64  `json:"until"`
	Count    int    `json:"count"`
	Patience int    `json:"patience"`
}

type answer struct {
	Times []int64 `json:"times"`
	Lost  bool    `json:"lost"`
	Error string  `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	answers := json.NewEncoder(out)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, "no question:", err)
			os.Exit(1)
		}
		if err := answers.Encode(askPatiently(asked)); err != nil {
			fmt.Fprintln(os.Stderr, "no answer written:", err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "questions can't be read:", err)
		os.Exit(1)
	}
}

func askPatiently(asked question) answer {
	if asked.Patience == 0 {
		return ask(asked)
	}
	answered := make(chan answer, 1)
	go func() { answered <- ask(asked) }()
	select {
	case given := <-answered:
		return given
	case <-time.After(time.Duration(asked.Patience) * time.Second):
		return answer{Times: []int64{}, Lost: true}
	}
}

func ask(asked question) answer {
	schedule, err := cron.ParseStandard(fmt.Sprintf("TZ=%s %s", asked.Zone, asked.Schedule))
	if err != nil {
		return answer{Error: err.Error()}
	}
	times := []int64{}
	at := time.Unix(asked.Start, 0).UTC()
	for len(times) < asked.Count {
		next := schedule.Next(at)
		if next.IsZero() || next.Unix() > asked.Until {
			break
		}
		if !next.After(at) {
			return answer{Times: times, Lost: true}
		}
		at = next
		times = append(times, at.Unix())
	}
	return answer{Times: times}
}
