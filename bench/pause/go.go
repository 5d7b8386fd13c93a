// go WAITING WORKERS SECONDS: the longest gap between two ticks of a 1 ms ticker while others wait and work.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type item struct {
	number int
	text   string
}

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(0, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func main() {
	waiting, _ := strconv.Atoi(os.Args[1])
	workers, _ := strconv.Atoi(os.Args[2])
	seconds, _ := strconv.ParseFloat(os.Args[3], 64)
	stop, steps := make(chan struct{}), int64(0)
	var isSet int32
	var group sync.WaitGroup
	group.Add(waiting + workers)
	for i := 0; i < waiting; i++ {
		go func() { <-stop; group.Done() }()
	}
	for i := 0; i < workers; i++ {
		go func() {
			kept := make([]*item, 20)
			for atomic.LoadInt32(&isSet) == 0 {
				for i := range kept {
					kept[i] = &item{i, "item " + strconv.Itoa(i)}
				}
				atomic.AddInt64(&steps, 1)
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	time.Sleep(500 * time.Millisecond)
	before, longest := time.Now(), time.Duration(0)
	beforeCpu, longestCpu := cpu(), 0.0
	ends := before.Add(time.Duration(seconds * 1e9))
	for before.Before(ends) {
		time.Sleep(time.Millisecond)
		now := time.Now()
		if gap := now.Sub(before); gap > longest {
			longest = gap
		}
		before = now
		used := cpu()
		if used-beforeCpu > longestCpu {
			longestCpu = used - beforeCpu
		}
		beforeCpu = used
	}
	atomic.StoreInt32(&isSet, 1)
	close(stop)
	group.Wait()
	fmt.Printf("longest_gap_ms %f\nlongest_gap_cpu_ms %f\nsteps %d\n", float64(longest)/1e6, longestCpu*1e3, steps)
}
