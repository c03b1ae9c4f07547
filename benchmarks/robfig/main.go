// Command robfig runs an empty job at `@every 1s` by robfig/cron v3 and writes a line for each start: "probe", the due time
// in milliseconds and the start in nanoseconds, both since the Unix epoch. It goes on until it is told to end.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/robfig/cron/v3"
)

func main() {
	runner := cron.New()
	ids := make(chan cron.EntryID, 1)
	id, err := runner.AddFunc("@every 1s", func() {
		started := time.Now()
		id := <-ids
		ids <- id
		fmt.Println("probe", runner.Entry(id).Prev.UnixMilli(), started.UnixNano())
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ids <- id
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	runner.Start()
	<-ended
	<-runner.Stop().Done()
}
