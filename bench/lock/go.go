// go bare|with N: sync.Mutex; with: unlocked by defer.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(0, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	var lock sync.Mutex
	started, startedCpu := time.Now(), cpu()
	for i := 0; i < n; i++ {
		if os.Args[1] == "bare" {
			lock.Lock()
			lock.Unlock()
		} else {
			func() { lock.Lock(); defer lock.Unlock() }()
		}
	}
	fmt.Printf("wall_s %f\ncpu_s %f\n", time.Since(started).Seconds(), cpu()-startedCpu)
}
